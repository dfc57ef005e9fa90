import ArgumentParser
import Foundation
import Testing

@testable import ProgramKit

/// A program with a function without a command.
private struct Keeper: Program {
    enum Mode: String, CaseIterable { case fast, safe }

    static let definition = SettingsDefinition(
        program: "keeper",
        settings: [
            Setting("dir", .folder, default: "./db", "data folder"),
            Setting("log", .optionalFile, default: "", "log file"),
            Setting("mode", .word(of: Mode.self), default: .safe, "how"),
            Setting(
                "max-size", short: "m", .integer(1...9, named: "bytes"), default: 3, "largest size"),
            Setting("quiet", short: "q", .boolean, default: false, "say nothing"),
        ])
    static let version = "1.2.3"
    static let runsWithoutCommand = true
    static let commands = [
        CommandGroup(
            name: "",
            subcommands: [
                VersionCommand<Self>.self, ManPagesCommand<Self>.self, CompletionCommand<Self>.self,
            ]),
        CommandGroup(name: "Things", subcommands: [PutCommand.self]),
    ]
    static let about = ProgramDescription(
        abstract: "keeper - keeps things.", usage: "keeper [name] [flags]",
        discussion: "Keeps them.", variables: ["OTHER=x"])

    @Argument(help: "What to keep.") var thing: String?

    static func perform(_ invocation: Invocation<Self>) async throws -> Int32 { 0 }
}

/// A program with the same settings and commands, and no function without a command.
private struct Tool: Program {
    static let definition = Keeper.definition
    static let version = "1"
    static let commands = [CommandGroup(name: "Things", subcommands: [PutCommand.self])]
    static let about = ProgramDescription(
        abstract: "keeper - a tool.", usage: "keeper <command>", discussion: "Sends things.",
        examples: ["keeper put": [(command: "keeper put here 3", what: "Puts three:")]])

    static func perform(_ invocation: Invocation<Self>) async throws -> Int32 { 0 }
}

private struct PutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Put things.", aliases: ["p"])
    @Argument(help: "Where.") var place: String
    @Argument(help: "How many.") var count: Int?
}

private struct ManyCommand: ParsableCommand {
    @Argument var first: String
    @Argument var rest: [String] = []
}

@Suite("A program's one definition")
struct ProgramTests {
    @Test("lists each setting in help as a flag with letter, value and default, and as a variable")
    func help() {
        let help = Documented<Keeper, Keeper, FullHelp>.helpMessage(columns: 80)
        for line in [
            "  --dir <folder>          data folder (default ./db)\n",
            "  --log <file>            log file\n",
            "  --mode <word>           how (default safe)\n",
            "  -m, --max-size <bytes>  largest size (default 3)\n",
            "  -q, --quiet             say nothing\n", "  --config <file>         config file; ",
            "\n  KEEPER_MAX_SIZE\n", "\n  OTHER=x\n", "Config files: keeper.json, .toml, ",
            "A switch is turned off by a value:\n--quiet=false.", "USAGE: keeper [name] [flags]\n",
            "  <thing>                 What to keep.\n",
            "  version                 Show the keeper version\n",
            "THINGS SUBCOMMANDS:\n  put, p                  Put things.\n",
        ] {
            #expect(help.contains(line), "\(line) is not in \(help)")
        }
        #expect(!help.contains("mangen"))
    }

    @Test("lists the flags in the help of commands if the commands do the work")
    func commandHelp() {
        let usage = "USAGE: keeper put <place> [<count>] [flags]\n"
        let withoutFlags = Keeper.help(for: PutCommand.self)
        #expect(withoutFlags.contains(usage) && !withoutFlags.contains("--dir"))
        let withFlags = Tool.help(for: PutCommand.self, all: true)
        #expect(withFlags.contains(usage) && withFlags.contains("GLOBAL FLAGS:\n  --dir <folder>"))
        let brief = Tool.help(for: PutCommand.self)
        #expect(brief.contains(usage) && !brief.contains("--dir"))
        #expect(
            brief.hasSuffix(
                """


                EXAMPLES:
                  Puts three:
                    keeper put here 3

                Flags of all commands are listed by 'keeper help put --all'.
                """), "\(brief)")
        #expect(
            !withFlags.contains("are listed by") && withFlags.hasSuffix("\n    keeper put here 3"))
    }

    @Test(
        "shows the help with all flags for --all, which is only for help",
        arguments: [
            ["help", "put", "--all"], ["put", "-h", "--all"], ["--all", "--help", "put", "a"],
        ])
    func fullHelp(arguments: [String]) throws {
        #expect(
            try Invocation<Tool>(arguments).answer() == Tool.help(for: PutCommand.self, all: true))
        #expect(
            try Invocation<Tool>(["help", "--all"]).answer()?.contains("Environment variables:")
                == true)
        #expect(Tool.help().contains("listed by 'keeper help --all'."))
        #expect(!Tool.help().contains("Environment variables:"))
        let error = #expect(throws: UsageError.self) {
            _ = try Invocation<Tool>(["put", "a", "--all"])
        }
        #expect(error?.message == "flag --all: put has no such flag")
        let other = #expect(throws: UsageError.self) { _ = try Invocation<Keeper>(["--all"]) }
        #expect(other?.message == "unknown flag: --all")
    }

    @Test("gives completion the words of a setting, and which of them are files or folders")
    func completion() throws {
        let words = try #require(
            try Invocation<Keeper>(["completion", "fish"]).answer()?.split(separator: "\n"))
        func line(_ flag: String) -> Substring? {
            words.first { $0.contains("-l '\(flag)'") || $0.contains("-l \(flag)") }
        }
        #expect(try #require(line("mode")).contains("fast"))
        #expect(try #require(line("dir")).contains("director"))
        #expect(try #require(line("log")).contains("-rF"))
        #expect(!(try #require(line("quiet")).contains("-r")))
    }

    @Test("gives man pages the flags, and writes one for each command that is shown")
    func manPages() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("program-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let answer = try Invocation<Keeper>(["mangen", folder]).answer()
        #expect(answer == "SUCCESS: man files generated in the \(folder) directory")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(
            names == [
                "keeper-completion.1", "keeper-help.1", "keeper-put.1", "keeper-version.1",
                "keeper.1",
            ])
        let page = try String(contentsOfFile: folder + "/keeper.1", encoding: .utf8)
        #expect(page.contains("\\fB\\-m\\fR, \\fB\\-\\-max\\-size\\fR=\\fIbytes\\fR\nlargest size"))
        #expect(page.contains("\nKEEPER_QUIET\n"))
    }

    @Test(
        "derives the number of a command's words from its arguments",
        arguments: [
            ([], "requires at least 1 arg(s), only received 0"), (["a"], nil), (["a", "1"], nil),
            (["a", "1", "c"], "accepts at most 2 arg(s), received 3"),
            (["a", "one"], "The value 'one' is invalid for '<count>'"),
        ] as [([String], String?)])
    func arity(words: [String], message: String?) throws {
        for name in ["put", "p"] {
            do {
                _ = try Invocation<Tool>([name] + words)
                #expect(message == nil)
            } catch {
                #expect(error.message.hasPrefix(message ?? "no message"), "\(error)")
            }
        }
    }

    @Test("takes any number of words for a repeated argument")
    func repeated() {
        let words = CommandWords(of: ManyCommand.self)
        #expect(words.count == 1...Int.max)
        #expect(words.usage == "many-command <first> [<rest> ...] [flags]")
    }

    @Test(
        "takes words that name no command as arguments of the program, if it has any",
        arguments: [
            ([], nil), (["-q"], nil), (["thing"], "thing"), (["--", "-q"], "-q"),
            (["--dir", "put", "thing"], "thing"),
        ] as [([String], String?)])
    func own(arguments: [String], thing: String?) throws {
        guard case .run(let program as Keeper) = try Invocation<Keeper>(arguments).action else {
            Issue.record("\(arguments) is taken for a command")
            return
        }
        #expect(program.thing == thing)
    }

    @Test("shows its help without a command and without work of its own")
    func noCommand() throws {
        #expect(try Invocation<Tool>([]).answer() == Tool.help())
        let error = #expect(throws: UsageError.self) { _ = try Invocation<Tool>(["thing"]) }
        #expect(
            error?.text()
                == "Error: unknown command \"thing\" for \"keeper\"\nRun 'keeper --help' for usage."
        )
    }

    @Test(
        "suggests the nearest command for an unknown one",
        arguments: [
            ("put", 0), ("ptu", 0), ("pu", 0), ("PUT", 0), ("hepl", 1), ("q", nil), ("thing", nil),
        ] as [(String, Int?)])
    func suggestions(word: String, suggestion: Int?) throws {
        let expected = suggestion.map { ["put", "help"][$0] }
        #expect(Tool.unknownCommand(word).suggestion == expected)
        guard let expected else { return }
        #expect(
            Tool.unknownCommand(word).text().contains(
                "\nDid you mean '\(expected)'?\nRun 'keeper --help' for usage."))
    }

    @Test(
        "shows help for every way to ask for it",
        arguments: [["help", "put"], ["put", "-h"], ["--help", "put", "a"], ["help", "p"]])
    func commandHelps(arguments: [String]) throws {
        #expect(try Invocation<Tool>(arguments).answer() == Tool.help(for: PutCommand.self))
    }

    @Test("names the command and its usage in an error, in a shell without the program's name")
    func errors() throws {
        let error = #expect(throws: UsageError.self) { _ = try Invocation<Tool>(["put"]) }
        #expect(
            error?.text() == """
                Error: requires at least 1 arg(s), only received 0
                Usage: keeper put <place> [<count>] [flags]
                Run 'keeper help put' for more.
                """)
        #expect(error?.text(isInShell: true).hasSuffix("\nRun 'help put' for more.") == true)
        #expect(throws: UsageError.self) { _ = try Invocation<Tool>(["help", "put", "p"]) }
        #expect(throws: UsageError.self) { _ = try Invocation<Tool>(["help", "get"]) }
    }

    @Test("prints its name with the version")
    func version() throws {
        for arguments in [["version"], ["--version"], ["-V"], ["-qV", "thing"]] {
            #expect(try Invocation<Keeper>(arguments).answer() == "keeper 1.2.3")
        }
        #expect(Keeper.help().contains("  -V, --version "))
        #expect(try Invocation<Keeper>(["-V", "--help"]).answer() == Keeper.help())
    }
}
