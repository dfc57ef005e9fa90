import ArgumentParser

/// The flags of a program's settings, made from their declarations.
///
/// The argument library finds the flags of a type in its mirror, whose children are properties with
/// wrappers. This type has no such properties; its mirror shows one for each setting.
/// `ProgramTests` fails if a release of the library looks elsewhere.
struct SettingFlags<Command: ParsableCommand, P: Program, Detail: HelpDetail>: ParsableArguments,
    CustomReflectable
{
    init() {}

    /// Decodes nothing: this type never parses a command line.
    init(from decoder: any Decoder) throws {
        _ = try decoder.container(keyedBy: Key.self)
    }

    var customMirror: Mirror {
        let isShown = Detail.isFull && (Command.self == P.self || !P.runsWithoutCommand)
        var children = P.settings(of: Command.self, all: isShown).map(Self.flag)
        if isShown { children.append(Self.configFlag) }
        if Command.self == P.self { children.append(Self.versionFlag) }
        return Mirror(self, children: children)
    }

    private static func flag(_ setting: any SettingDeclaration) -> Mirror.Child {
        var names: [NameSpecification.Element] = setting.short.map { [.customShort($0)] } ?? []
        names.append(.customLong(setting.key))
        let help = ArgumentHelp("\(setting.help)", valueName: setting.value.name)
        let (name, completion) = (NameSpecification(names), setting.value.completion)
        return setting.isSwitch
            ? (setting.key, Flag(wrappedValue: false, name: name, help: help))
            : (setting.key, Option<String?>(name: name, help: help, completion: completion))
    }

    private static var configFlag: Mirror.Child {
        let help = "'\(P.name) help\(P.runsWithoutCommand ? "" : " --all")'"
        let pointer = Command.self == P.self ? "see above" : "see \(help)"
        return (
            FlagSyntax.configName,
            Option<String?>(
                name: .customLong(FlagSyntax.configName),
                help: ArgumentHelp(
                    "config file; by default the first that is found, \(pointer)", valueName: "file"
                ),
                completion: .file())
        )
    }

    private static var versionFlag: Mirror.Child {
        let names = NameSpecification([
            .customShort(FlagSyntax.versionLetter), .customLong(FlagSyntax.versionName),
        ])
        return (
            FlagSyntax.versionName,
            Flag(wrappedValue: false, name: names, help: "show the version")
        )
    }

    /// The key of any setting.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }
}

extension SettingValue {
    fileprivate var completion: CompletionKind? {
        switch self {
        case .absent, .named: nil
        case .file: .file()
        case .folder: .directory
        case .word(let words): .list(words)
        }
    }
}
