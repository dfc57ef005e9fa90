import ArgumentParser
import Foundation

/// What the argument library says about a command and those below it.
///
/// It has a type for this, but not for users of the library; so the text that it makes for other
/// tools is read here.
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
                "the argument library describes its commands in another way: \(error)")
        }
    }

    var shownSubcommands: [CommandDump] {
        (subcommands ?? []).filter { $0.shouldDisplay ?? true }
    }

    var shownArguments: [ArgumentDump] { (arguments ?? []).filter(\.shouldDisplay) }
}

/// A flag, an option with a value, or a word without a name.
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

        /// As it is typed.
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

    /// Whether the option can be given without its value. The library does not say so, but looks
    /// for the values of such options in another way, and calls what they are without one their
    /// default.
    var hasOptionalValue: Bool {
        kind == .option && parsingStrategy == .scanningForValue && defaultValue != nil
    }
}
