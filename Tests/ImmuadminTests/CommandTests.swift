import ArgumentParser
import ClientKit
import Foundation
import ProgramKit
import ServerStatistics
import Testing

@testable import immuadmin

@Suite("The commands of immuadmin")
struct CommandTests {
    private static let displayed = Immuadmin.commands.flatMap(\.subcommands)
        .filter { $0.configuration.shouldDisplay }

    @Test("take the command lines of the examples in their help")
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

    @Test("show their own flags in help, and those of all commands only with --all")
    func helps() {
        for type in Self.displayed {
            let brief = Immuadmin.help(for: type)
            #expect(!brief.contains("--immudb-port"), "\(brief)")
            #expect(Immuadmin.help(for: type, all: true).contains("--immudb-port"))
        }
        #expect(Immuadmin.help(all: true).contains("IMMUADMIN_TOKENFILE"))
        #expect(Immuadmin.help(for: UserCommand.self).contains("--dir <folder>"))
    }

    @Test("have the aliases of the original")
    func aliases() throws {
        for (alias, type) in [
            ("l", LoginCommand.self), ("x", LogoutCommand.self), ("p", StatusCommand.self),
            ("u", UserCommand.self), ("s", StatsCommand.self),
        ] as [(String, any ParsableCommand.Type)] {
            #expect(type.configuration.aliases == [alias])
        }
    }

    @Test(
        "refuse unknown actions, and flags of other actions, before anything is asked"
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
            (["service", "immudb", "stop", "-t", "soon"], "soon"),
            (["status", "-t", "1"], "unknown shorthand flag: 't' in -t"),
            (["dump", "a", "b"], "accepts at most 1 arg(s), received 2"),
            (["status", "--dir", "db"], "flag --dir: status has no such flag"),
            (["stats", "-tr"], "flags --text and --raw: give one of them"),
            (["status", "-t"], "unknown shorthand flag: 't' in -t"),
            (["stats", "-x"], "unknown shorthand flag: 'x' in -x"),
        ] {
            let error = #expect(throws: UsageError.self) { try Invocation<Immuadmin>(line) }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
    }

    @Test(
        "take the letters of a command's flags anywhere, together with those of settings",
        arguments: [
            ["stats", "-t"], ["s", "--text"], ["-t", "stats"], ["-tp", "3333", "stats"],
            ["stats", "-tp3333"], ["stats", "-t=true", "-a", "::1"],
        ])
    func letters(line: [String]) throws {
        guard case .run(let command as StatsCommand) = try Invocation<Immuadmin>(line).action else {
            Issue.record("\(line) is no stats")
            return
        }
        #expect(command.text && !command.raw)
    }

    @Test("end with 5 if nobody serves metrics, and with 1 if they are not immudb's")
    func metricsFailures() {
        for (code, exitCode) in [
            (MetricsError.Code.unreachable, ExitCode.unreachable), (.notMetrics, .failed),
            (.tooLarge, .failed),
        ] {
            let error = MetricsError(code, "why", address: "host:1")
            let failure = Failure(NoMetrics(cause: error))
            #expect(failure.exitCode == exitCode && failure.text == "\(error)")
        }
    }

    @Test("take a date, a moment, or a time span as a time of the audit log")
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

    @Test("use a token file whose name ends in _admin, once")
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
