import ArgumentParser
import Foundation
import ProgramKit
import Testing

@testable import immuadmin

@Suite("The commands of immuadmin")
struct CommandTests {
    private static let displayed = Immuadmin.commands.flatMap(\.subcommands)
        .filter { $0.configuration.shouldDisplay }

    @Test("an example in a help is a command line that the command takes")
    func examples() throws {
        for (name, examples) in Immuadmin.examples {
            for example in examples {
                let words = example.command.split(separator: " ").map(String.init)
                    .drop { $0 != "immuadmin" }.prefix { $0 != "<" }
                guard
                    case .run(let command) = try Invocation<Immuadmin>(Array(words.dropFirst()))
                        .action
                else {
                    Issue.record("\(example.command) is no command")
                    continue
                }
                #expect(name == "immuadmin" || words.prefix(2).joined(separator: " ") == name)
                #expect(command is any AdminCommand, "\(example.command)")
            }
        }
    }

    @Test("a help names the flags of its command, and those of all commands by --all only")
    func helps() {
        for type in Self.displayed {
            let brief = Immuadmin.help(for: type)
            #expect(!brief.contains("--immudb-port"), "\(brief)")
            #expect(Immuadmin.help(for: type, all: true).contains("--immudb-port"))
        }
        #expect(Immuadmin.help(all: true).contains("IMMUADMIN_TOKENFILE"))
        #expect(Immuadmin.help(for: UserCommand.self).contains("--dir <folder>"))
    }

    @Test("each command of the original has its alias")
    func aliases() throws {
        for (alias, type) in [
            ("l", LoginCommand.self), ("x", LogoutCommand.self), ("p", StatusCommand.self),
            ("u", UserCommand.self),
        ] as [(String, any ParsableCommand.Type)] {
            #expect(type.configuration.aliases == [alias])
        }
    }

    @Test(
        "words that are no action, and flags of another action, are refused before anything is asked"
    )
    func words() {
        for (line, complaint) in [
            (["user"], "accepts 2 arg(s), received 0"),
            (["user", "list", "joe"], "Please specify one of the following actions"),
            (["user", "create", "joe", "--dir", "db"], "flag --dir: only reset-password"),
            (["user", "reset-password", "immu"], "needs --dir"),
            (["mtls", "make", "host"], "'make' is nothing that mtls does"),
            (["audit-log", "--limit", "0"], "--limit is 0: give 1 or more"),
            (["audit-log", "--since", "yesterday"], "yesterday"),
            (["dump", "a", "b"], "accepts at most 1 arg(s), received 2"),
            (["status", "--dir", "db"], "flag --dir: status has no such flag"),
        ] {
            let error = #expect(throws: UsageError.self) { try Invocation<Immuadmin>(line) }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
    }

    @Test("a time of the audit log is a date, a moment, or so long ago")
    func times() throws {
        let now = Date(timeIntervalSince1970: 1_000_000)
        for (text, seconds) in [
            ("1970-01-02", 86_400), ("1970-01-02T00:00:10Z", 86_410),
            ("1970-01-02T01:00:10+01:00", 86_410), ("0s", 1_000_000), ("90s", 999_910),
            ("2m", 999_880), ("1h", 996_400), ("1d", 913_600),
        ] {
            let time = try #require(AuditTime(argument: text), "\(text)")
            #expect(time.date(before: now).timeIntervalSince1970 == Double(seconds), "\(text)")
        }
        for text in ["", "s", "-1s", "1.5h", "1w", "1970-13-01", "99999999999d"] {
            #expect(AuditTime(argument: text) == nil, "\(text)")
        }
    }

    @Test("the token file's name ends in _admin, once")
    func tokenFile() throws {
        for (given, name) in [
            ("token", "token_admin"), ("t_admin", "t_admin"), ("/a/b", "/a/b_admin"),
        ] {
            let sources = try SettingsSources(
                AdminSettings.definition, flags: ["tokenfile": given], environment: [:],
                configFile: nil)
            #expect(try AdminSettings(sources.values()).tokenFileName == name)
        }
    }
}
