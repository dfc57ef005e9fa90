import ArgumentParser
import Foundation

/// A description of a command and its subcommands, from the argument library.
///
/// The library has a type for this, but does not export it. So this type parses the text that the
/// library makes for other tools.
struct CommandDump: Decodable {
    var commandName: String
    var shouldDisplay: Bool?
    var aliases: [String]?
    /// One sentence.
    var abstract: String?
    /// The rest of the help: paragraphs, and indented lines that stay as they are.
    var discussion: String?
    var subcommands: [CommandDump]?
    var arguments: [ArgumentDump]?

    init(of root: any ParsableCommand.Type) throws(ManPagesError) {
        struct Tool: Decodable {
            var command: CommandDump
        }
        do {
            let text = root._dumpHelp()
            self = try JSONDecoder().decode(Tool.self, from: Data(text.utf8)).command
        } catch {
            throw ManPagesError(
                "cannot read the argument library's description of commands: \(error)")
        }
    }

    var shownSubcommands: [CommandDump] {
        (subcommands ?? []).filter { $0.shouldDisplay ?? true }
    }

    var shownArguments: [ArgumentDump] { (arguments ?? []).filter(\.shouldDisplay) }
}

/// A flag, an option with a value, or a positional word.
struct ArgumentDump: Decodable {
    enum Kind: String, Decodable {
        case positional, option, flag
    }

    struct Name: Decodable {
        enum Kind: String, Decodable {
            case long, short, longWithSingleDash
        }

        var kind: Kind
        var name: String

        /// The name as it is typed.
        var text: String { (kind == .long ? "--" : "-") + name }
    }

    enum ParsingStrategy: String, Decodable {
        case `default`, scanningForValue, unconditional, upToNextOption, allRemainingInput
        case postTerminator, allUnrecognized
    }

    var kind: Kind
    var shouldDisplay: Bool
    var parsingStrategy: ParsingStrategy
    var isOptional: Bool
    var isRepeating: Bool
    var names: [Name]?
    var valueName: String?
    var defaultValue: String?
    var allValues: [String]?
    var abstract: String?
    var discussion: String?

    /// Whether the option can be given without its value. The library does not say so directly, but
    /// it uses another parsing strategy for the values of such options, and has the value that they
    /// take without one as their default.
    var hasOptionalValue: Bool {
        kind == .option && parsingStrategy == .scanningForValue && defaultValue != nil
    }
}
