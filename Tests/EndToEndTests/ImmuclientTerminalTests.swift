import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("The keys of immuclient's shell, at a terminal, with a real immudb")
struct ImmuclientTerminalTests {
    private let data = TemporaryFolder()
    private let work = TemporaryFolder()
    private static let prompt = "immuclient> "

    private func shell(
        _ server: RunningServer, _ steps: [(wait: String, keys: String)]
    ) async throws -> FinishedProcess {
        try await PythonPeer.job(
            steps, "immuclient", ["-p", "\(server.port)", "it"],
            environment: ["HOME": work.path, "TERM": "xterm", "LC_ALL": "C.UTF-8"],
            directory: work.path)
    }

    private func run(
        _ server: RunningServer, _ words: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + words, directory: work.path, input: input)
    }

    @Test("end a command that prints, waits or dumps by Ctrl-C, and keep the shell")
    func interruption() async throws {
        let server = try await RunningServer(dir: data.path)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: work.file("roots").path),
            firstContact: .trustOnFirstUse)
        let value = String(repeating: "v", count: 1_000)
        try await client.setBatch((0..<3_000).map { (key: "key\($0)", value: value) })
        await client.close()
        let id = server.process.identifier
        let run = try await shell(
            server,
            [
                (Self.prompt, "scan key\\r"), ("key10", "\\x03"), (Self.prompt, "get key5\\r"),
                (Self.prompt, "{stop \(id)}"), ("", "ping\\r"), ("ping", "\\x03"),
                (Self.prompt, "dump all\\r"), ("dump", "\\x03"), (Self.prompt, "{cont \(id)}"),
                ("", "count key\\r"), (Self.prompt, "exit\\r"),
            ])
        #expect(run.exitCode == 0, "\(run.output.suffix(2_000))")
        #expect(run.output.matches(of: /interrupted\r\n/).count == 3)
        #expect(!run.output.contains("key:\t\tkey999\r"))
        #expect(run.output.contains("key:\t\tkey5\r\n") && run.output.contains("l3000\r\n"))
        let names = try FileManager.default.contentsOfDirectory(atPath: work.path)
        #expect(!names.contains { $0.hasPrefix("all") })
        #expect(try await server.stop() == 0)
    }

    @Test("stop the shell by Ctrl-Z with the terminal restored, and keep the line")
    func suspension() async throws {
        let server = try await RunningServer(dir: data.path)
        // It continues when the prompt is there again.
        let goesOn = "stopped, lines: True>\\x1b[?2004h\\r\\x1b[K" + Self.prompt
        let run = try await shell(
            server,
            [
                (Self.prompt, "pi\\x1a"), (goesOn + "pi", "ng\\x1a"), (goesOn + "ping", "\\r"),
                ("OK", "exit\\r"),
            ])
        #expect(run.exitCode == 0, "\(run.output.debugDescription)")
        #expect(run.output.contains("Health check OK\r\n"))
        #expect(try await server.stop() == 0)
    }

    @Test("draw the line again when the size of the terminal changes")
    func resize() async throws {
        let server = try await RunningServer(dir: data.path)
        let run = try await shell(
            server,
            [
                (Self.prompt, "ping"), ("ping", "{resize 50}"), ("immuclient> ping", "\\r"),
                ("OK", "exit\\r"),
            ])
        #expect(run.exitCode == 0, "\(run.output.debugDescription)")
        #expect(run.output.contains("ping\r\u{1b}[Jimmuclient> ping"))
        #expect(try await server.stop() == 0)
    }

    @Test(
        "insert a pasted line end or control character as data; a blank keeps a line private"
    )
    func pasteAndHistory() async throws {
        let server = try await RunningServer(dir: data.path)
        let typed = try await shell(
            server,
            [
                (Self.prompt, "\\x1b[200~set p 'a\\r\\x03\\tb'\\x1b[201~"), ("b'", "\\r"),
                (Self.prompt, " get secret\\r"), (Self.prompt, "# a comment\\r"),
                (Self.prompt, "clear\\r"), (Self.prompt, "?\\r"), (Self.prompt, "help hist\\t\\r"),
                (Self.prompt, "scan p --lim\\t1 --value-only\\r"), (Self.prompt, "quit\\r"),
            ])
        #expect(typed.exitCode == 0, "\(typed.output.debugDescription)")
        for text in [
            "\u{1b}[H\u{1b}[2J", "help [command], ?", "OVERVIEW: Print all entries of a key",
        ] {
            #expect(typed.output.contains(text))
        }
        #expect(!typed.output.contains("unknown"))
        let value = try await run(server, ["get", "p", "--value-only"])
        #expect(value.output == "a\n\u{3}\tb\n")
        let history = try String(contentsOf: work.file(".immuclient_history"), encoding: .utf8)
        #expect(
            history
                == "# a comment\nclear\n?\nhelp history \nscan p --limit 1 --value-only\nquit\n")
        #expect(try await server.stop() == 0)
    }

    @Test("include comments, ? and clear, also from a pipe")
    func pipe() async throws {
        let server = try await RunningServer(dir: data.path)
        let run = try await run(
            server, ["it"], input: "# one\n  # two\nclear\n? get\n?\nquit\nfrobnicate\n")
        #expect(run.exitCode == 0 && run.complaints == "")
        #expect(run.output.hasPrefix("OVERVIEW: Print the newest entry"))
        #expect(run.output.contains("safeset, ss"))
        #expect(try await server.stop() == 0)
    }
}
