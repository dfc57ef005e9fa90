import ClientKit
import Foundation
import Testing

@testable import ProgramKit
@testable import immuclient

@Suite("The arguments of immuclient")
struct CommandWordsTests {
    @Test(
        "include flags in any place; negative numbers and the words after -- are not flags",
        arguments: [
            (["get", "k", "-p", "1"], ["get", "k"], ["immudb-port": "1"]),
            (["-p1", "get", "--json", "k"], ["get", "k"], ["immudb-port": "1", "json": "true"]),
            (["--dir=", "get", "k"], ["get", "k"], ["dir": ""]),
            (["--dir", "a=b", "get", ""], ["get", ""], ["dir": "a=b"]),
            (["zadd", "s", "-1.5", "k", "-s"], ["zadd", "s", "-1.5", "k"], ["auth": "true"]),
            (["zadd", "s", "-inf", "-7"], ["zadd", "s", "-inf", "-7"], [:]),
            (["set", "--", "-s", "--json"], ["set", "-s", "--json"], [:]),
            (["set", "--", "-1", "--"], ["set", "-1", "--"], [:]),
            (["-p", "-1", "get"], ["get"], ["immudb-port": "-1"]),
        ] as [([String], [String], [String: String])])
    func words(arguments: [String], words: [String], flags: [String: String]) throws {
        let syntax = FlagSyntax(ClientSettings.definition.settings)
        let taken = try syntax.words(of: arguments)
        #expect(taken.words == words)
        #expect(taken.flags == flags)
        #expect(!taken.asksForHelp)
    }

    @Test(
        "are refused with words that users know",
        arguments: [
            (["frob"], "unknown command \"frob\" for \"immuclient\""),
            (["SET", "k", "v"], "unknown command \"SET\" for \"immuclient\""),
            (["help", "frob"], "unknown command \"frob\" for \"immuclient\""),
            (["get"], "accepts 1 arg(s), received 0"),
            (["get", "a", "b"], "accepts 1 arg(s), received 2"),
            (["set"], "requires at least 1 arg(s), only received 0"),
            (["set", "a", "b", "c"], "accepts at most 2 arg(s), received 3"),
            (["--nonsense", "get", "a"], "unknown flag: --nonsense"),
            (["current", "--foo"], "unknown flag: --foo"),
            (["current", "--foo=1", "-p", "1"], "unknown flag: --foo"),
            (["-x", "get", "a"], "unknown shorthand flag: 'x' in -x"),
            (["get", "a", "--dir"], "flag needs an argument: --dir"),
            (
                ["zadd", "s", "1e400", "k"],
                "'1e400' is no score: give a number, such as -1.5 or 2e3"
            ),
            (
                ["getByIndex", "-1"],
                "'-1' is no index: give a whole number from 0 to 18446744073709551615"
            ),
            (["i", "0", "ab"], "invalid hash length: 64 hex digits are needed"),
            (
                ["completion", "tcsh"],
                "'tcsh' is not a known shell: give bash, zsh or fish"
            ),
        ] as [([String], String)])
    func refusals(arguments: [String], message: String) throws {
        let error = try #require(throws: UsageError.self) { try Invocation<Immuclient>(arguments) }
        #expect(error.message == message)
    }

    @Test("fit every command and alias of the original, in the same number")
    func commands() throws {
        let expected = [
            "audit-mode 0...1", "check-consistency c 2...2", "completion 1...1", "count cnt 1...1", "current crt 0...0",
            "dump b 0...1", "get g 1...1", "getByIndex bi 1...1", "history h 1...1",
            "inclusion i 1...2", "iscan iscn 0...2", "it cli-mode 0...0", "login l 1...1",
            "logout x 0...0", "ping p 0...0", "rawsafeget rg 1...1",
            "rawsafeset rs 1...2", "receipt 1...2", "reference r 1...2", "safeget sg 1...1",
            "safereference sr 1...2", "safeset ss 1...2", "safezadd sza 3...3", "scan scn 1...1",
            "set s 1...2", "verify-receipt 0...2", "version 0...0", "zadd za 3...3",
            "zscan zscn 1...1",
        ]
        let found = Immuclient.displayedCommands.map { type in
            ([type.name] + type.aliases + ["\(CommandWords(of: type).count)"]).joined(
                separator: " ")
        }
        #expect(found.sorted() == expected.sorted())
    }

    @Test("of audit-mode are not for the shell, whose lines share a connection")
    func auditModeInShell() throws {
        let invocation = try Invocation<Immuclient>(["audit-mode", "status"])
        guard case .run(var command as AuditModeCommand) = invocation.action else {
            Issue.record("that is another command")
            return
        }
        try command.prepare(.value)
        #expect(throws: ToolError.self) { try command.prepare(.lines) }
    }

    @Test("are all in the documentation: every command, alias, flag and variable")
    func documentation() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/immuclient.md").standardizedFileURL
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        for type in Immuclient.displayedCommands where type.name != "version" {
            let alias = type.aliases.first ?? ""
            let row = lines.first { line in
                line.hasPrefix("| `\(type.name) ") || line.hasPrefix("| `\(type.name)` ")
            }
            let cells = try #require(row, "\(type.name)").replacing("\\|", with: "/").split(
                separator: "|")
            #expect(cells[1].filter { $0 != " " } == alias, "\(type.name)")
        }
        for setting in ClientSettings.definition.settings {
            let variable = setting.key.uppercased().replacing("-", with: "_")
            let row = lines.first { $0.contains("`--\(setting.key)` |") }
            #expect(try #require(row, "\(setting.key)").contains("| `\(variable)` |"))
        }
    }

    @Test("let a flag for an output format override the other one in the environment")
    func forms() throws {
        func format(
            _ flags: [String: String], line: [String: String] = [:],
            _ environment: [String: String] = [:]
        ) throws -> Output.Format {
            let sources = try SettingsSources(
                ClientSettings.definition, flags: flags, environment: environment, configFile: nil)
            return try sources.settings(lineFlags: line).format
        }
        let json = ["IMMUCLIENT_JSON": "true"]
        #expect(try format([:]) == .text)
        #expect(try format([:], json) == .json)
        #expect(try format(["value-only": "true"], json) == .values)
        #expect(try format(["json": "false"], json) == .text)
        #expect(try format(["json": "true"], line: ["value-only": "true"]) == .values)
        #expect(try format(["value-only": "true"], line: ["json": "true"]) == .json)
        #expect(throws: SettingsError.self) {
            try format(["json": "true", "value-only": "true"])
        }
        #expect(throws: SettingsError.self) {
            try format([:], json.merging(["IMMUCLIENT_VALUE-ONLY": "1"]) { $1 })
        }
    }
}
