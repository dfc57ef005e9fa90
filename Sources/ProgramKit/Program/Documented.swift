import ArgumentParser

/// The amount of detail in a help.
protocol HelpDetail: Sendable {
    /// Whether the help lists the flags of the program's settings.
    static var isFull: Bool { get }
}

enum FullHelp: HelpDetail { static let isFull = true }
enum BriefHelp: HelpDetail { static let isFull = false }

/// A command as the help, the man pages and the completion show it: with its usage, and with the
/// flags of the program's settings. The program itself is documented in the same way, with all
/// commands.
///
/// The argument library makes these texts from this type, so they cannot differ from each other.
/// `Invocation`, not this type, parses command lines.
struct Documented<Command: ParsableCommand, P: Program, Detail: HelpDetail>: ParsableCommand {
    static var configuration: CommandConfiguration {
        Command.self == P.self ? program : command
    }

    @OptionGroup var command: Command
    @OptionGroup(title: P.runsWithoutCommand || !Detail.isFull ? "" : "Global flags")
    var flags: SettingFlags<Command, P, Detail>

    /// Returns the type that documents a command of the program.
    static func type(_ command: any ParsableCommand.Type) -> any ParsableCommand.Type {
        func documented<Other: ParsableCommand>(_: Other.Type) -> any ParsableCommand.Type {
            Documented<Other, P, Detail>.self
        }
        return documented(command)
    }

    private static var command: CommandConfiguration {
        var configuration = Command.configuration
        configuration.commandName = Command._commandName
        configuration.usage = "\(P.name) \(CommandWords(of: Command.self).usage)"
        return configuration
    }

    private static var program: CommandConfiguration {
        let groups = P.commands.map { group in
            CommandGroup(name: group.name, subcommands: group.subcommands.map(type))
        }
        return CommandConfiguration(
            commandName: P.name, abstract: P.about.abstract, usage: P.about.usage,
            discussion: P.about.discussion + (Detail.isFull ? "\n\n" + P.sourcesOfSettings : ""),
            subcommands: groups.filter(\.name.isEmpty).flatMap(\.subcommands),
            groupedSubcommands: groups.filter { !$0.name.isEmpty })
    }
}

extension Program {
    /// The part of the help about the sources of settings.
    fileprivate static var sourcesOfSettings: String {
        let variables = definition.settings.map(definition.variableName) + about.variables
        let example = definition.settings.first(where: \.isSwitch).map {
            " A switch is turned off by a value: --\($0.key)=false."
        }
        let ends = ConfigFile.extensions.map { ".\($0)" }
        return """
            Flags may stand before or after other words.\(example ?? "") A flag wins over its \
            environment variable, that over the config file, and that over the default.

            Environment variables:
            \(variables.map { "  \($0)" }.joined(separator: "\n"))

            Config files: \(name)\(ends.dropLast().joined(separator: ", ")) or \(ends.last ?? "") in \
            ./configs, $GOPATH/src/configs, /etc/immudb or $HOME, the first that is found. Their \
            keys are the flags' names. HCL is not read.
            """
    }
}
