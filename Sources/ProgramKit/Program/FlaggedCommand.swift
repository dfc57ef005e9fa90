public import ArgumentParser

/// A command with flags of its own: its properties with `@Option` and `@Flag`.
///
/// The flags may stand anywhere on the command line, as those of the settings, and must not have
/// their names. Two commands may have the same flag if both or neither take a value.
public protocol FlaggedCommand: ParsableCommand {}

/// A command with settings of its own among those of the program, which have variables and keys of config files as the
/// others do. Their flags are in its help, and in that of no other command.
public protocol CommandWithSettings: ParsableCommand {
    static var settings: [any SettingDeclaration] { get }
}

extension Program {
    /// The settings whose flags the help of a command has: its own, and with `all` those of all commands.
    static func settings(
        of command: any ParsableCommand.Type, all: Bool
    ) -> [any SettingDeclaration] {
        let own = (command as? any CommandWithSettings.Type)?.settings ?? []
        guard all else { return own }
        let ofCommands = Set(
            commands.flatMap(\.subcommands).compactMap { $0 as? any CommandWithSettings.Type }
                .flatMap { $0.settings.map(\.key) })
        return own + definition.settings.filter { !ofCommands.contains($0.key) }
    }
}

/// A flag that a command declares.
public struct CommandFlag: Hashable, Sendable {
    /// The name without hyphens.
    public let name: String
    /// The letter, as in `-t`. Commands may have the same letter for different flags.
    let letter: Character?
    /// Whether the flag takes no value.
    let isSwitch: Bool

    /// The flag of a help, in programs whose commands do the work: see `Program.help(for:all:)`.
    static let all = CommandFlag(name: "all", letter: nil, isSwitch: true)

    /// Returns the flags of a command; an empty array unless it is a `FlaggedCommand`.
    public static func flags(of command: any ParsableCommand.Type) -> [CommandFlag] {
        guard command is any FlaggedCommand.Type else { return [] }
        do {
            return try CommandDump(of: command).shownArguments.flatMap { argument in
                let names = (argument.names ?? []).filter { $0.kind == .long }
                let letter = argument.names?.first { $0.kind == .short }?.name.first
                return argument.kind == .positional
                    ? []
                    : names.map {
                        CommandFlag(
                            name: $0.name, letter: letter, isSwitch: argument.kind == .flag)
                    }
            }
            .filter { $0.name != "help" }
        } catch {
            preconditionFailure("\(error)")
        }
    }

    var withoutLetter: CommandFlag { CommandFlag(name: name, letter: nil, isSwitch: isSwitch) }

    /// Returns the flag in the form that the argument library reads.
    ///
    /// - Returns: nil for a switch that is turned off.
    /// - Throws: `SettingsError` for a value that a switch cannot have.
    func argument(_ value: String) throws(SettingsError) -> String? {
        guard isSwitch else { return "--\(name)=\(value)" }
        guard let isOn = SettingType<Bool>.boolean.value(.untyped(value)) else {
            throw SettingsError("flag --\(name) is \"\(value)\": give true or false")
        }
        return isOn ? "--\(name)" : nil
    }
}
