import Foundation
import TestTools
import Testing

@Suite("immuclient's shell against a real immudb")
struct ImmuclientShellTests {
    private let data: TemporaryFolder
    private let work: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        work = TemporaryFolder()
    }

    private func shell(
        _ server: RunningServer, _ lines: [String], arguments: [String] = []
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)", "it"] + arguments,
            environment: ["HOME": work.path], directory: work.path,
            input: lines.joined(separator: "\n"))
    }

    /// Types keys into the shell at a terminal.
    private func typing(_ keys: [String], _ server: RunningServer) async throws -> FinishedProcess {
        try await PythonPeer.typing(
            keys, into: "immuclient", ["-p", "\(server.port)", "it"],
            environment: ["HOME": work.path, "TERM": "vt100", "LC_ALL": "C.UTF-8"],
            directory: work.path)
    }

    @Test(
        "runs commands from a pipe in order, and continues after a failed one, which it reports")
    func pipe() async throws {
        let server = try await RunningServer(dir: data.path)
        let good = try await shell(
            server,
            [
                "set 'a b' \"one  two\"", "", "  get a\\ b --value-only  ", "safeget 'a b' --json",
                "scan '' --value-only", "zadd s -1.5 'a b' --value-only", "exit", "frobnicate",
            ])
        #expect(good.exitCode == 0, "\(good.errors)")
        #expect(good.complaints == "")
        let lines = good.output.split(separator: "\n").map(String.init)
        #expect(lines.count == 9, "\(good.output)")
        #expect(lines[2] == "value:\t\tone  two")
        #expect(lines[5] == "one  two" && lines[7] == "one  two" && lines[8] == "a b")
        #expect(lines[6].contains("\"verified\":true"))

        let bad = try await shell(
            server, ["get none", "get 'a b' --value-only", "get 'a", "set k"])
        #expect(bad.exitCode == 1)
        #expect(bad.output == "one  two\n")
        #expect(
            bad.errors
                == """
                rpc error: code = NotFound desc = Key not found
                there is no key 'none'
                Error: the quote ' is not closed: add another '
                no value for key 'k': give one

                """)
        #expect(try await server.stop() == 0)
    }

    @Test("takes only flags about output in a line, and not the shell itself")
    func flags() async throws {
        let server = try await RunningServer(dir: data.path)
        for (line, said) in [
            ("ping -p 1", "flag --immudb-port is for the start of immuclient"),
            ("ping --config x", "flag --config is for the start"),
            ("it", "this is the shell already"),
            ("frob", "unknown command \"frob\""),
            ("get", "Usage: get <key> [flags]\nRun 'help get'"),
            ("count k --value-only", "count prints no values"),
        ] {
            let run = try await shell(server, [line])
            #expect(run.exitCode == 1)
            #expect(run.output == "")
            #expect(run.errors.contains(said), "\(run.errors)")
        }
        let help = try await shell(
            server, ["help", "help zadd", "version --help"], arguments: ["--value-only"])
        #expect(help.exitCode == 0, "\(help.errors)")
        for text in [
            "safeset, ss", "exit, quit", "USAGE: immuclient zadd", "USAGE: immuclient version",
        ] {
            #expect(help.output.contains(text))
        }
        let json = try await shell(server, ["ping", "get x"], arguments: ["--json"])
        #expect(json.output == "{\"healthy\":true}\n")
        #expect(
            json.errors
                == #"{"error":{"code":"NotFound","hint":"there is no key 'x'","key":"x","#
                + #""message":"Key not found"}}"# + "\n")
        #expect(try await server.stop() == 0)
    }

    @Test("reconnects when the server restarts between two lines")
    func reconnection() async throws {
        let server = try await RunningServer(dir: data.path)
        let port = server.port
        let script = work.file("lines")
        #expect(mkfifo(script.path, 0o600) == 0)
        let path = try RunningProcess.path(of: "immuclient")
        let shell = try RunningProcess(
            "/bin/sh", ["-c", "exec '\(path)' -p \(port) it < lines"], directory: work.path)
        let lines = try await Task.detached { try FileHandle(forWritingTo: script) }.value
        try lines.write(contentsOf: Data("safeset k word --value-only\n".utf8))
        try await shell.waitForOutput("word")
        #expect(try await server.stop() == 0)
        try lines.write(contentsOf: Data("ping\n".utf8))
        try await shell.waitForOutput("Unavailable")
        let again = try await RunningServer(dir: data.path, port: port)
        try lines.write(contentsOf: Data("safeget k\n".utf8))
        try await shell.waitForOutput("verified:\ttrue")
        // Another server at the same address: each line reports it.
        #expect(try await again.stop() == 0)
        let other = TemporaryFolder()
        let stranger = try await RunningServer(dir: other.path, port: port)
        try lines.write(contentsOf: Data("ping\nping\n".utf8))
        try await shell.waitForOutput("which it was when this client connected")
        try await shell.waitForOutput("THE SERVER HAS CHANGED")
        try lines.close()
        #expect(try await shell.exitCode() == 5)
        #expect(try await stranger.stop() == 0)
    }

    @Test(
        "has a prompt, completion and private history at a terminal, and sends it no control bytes")
    func terminal() async throws {
        let server = try await RunningServer(dir: data.path)
        let path = try RunningProcess.path(of: "immuclient")
        let binary = try await FinishedProcess.run(
            "/bin/sh", ["-c", "printf '\\377\\007\\033' | '\(path)' -p \(server.port) set bin"],
            directory: work.path)
        #expect(binary.exitCode == 0)
        let typed = try await typing(
            ["curr\\t\\r", "get bin\\r", "get none\\r", "se\\x03", "\\x04"], server)
        #expect(typed.exitCode == 0, "\(typed.output)\(typed.errors)")
        #expect(typed.output.contains("immuclient> "))
        #expect(typed.output.contains("index:\t\t0\r\nhash:"), "\(typed.output.debugDescription)")
        #expect(typed.output.contains("value:\t\t\\xff\\x07\\x1b\r\n"))
        #expect(typed.output.contains("Key not found"))

        let history = work.file(".immuclient_history")
        #expect(try String(contentsOf: history, encoding: .utf8) == "current \nget bin\nget none\n")
        let attributes = try FileManager.default.attributesOfItem(atPath: history.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        // The arrow up shows the last line of the earlier session.
        let again = try await typing(["\\x1b[A\\r", "exit\\r"], server)
        #expect(again.output.contains("Key not found"), "\(again.output.debugDescription)")
        #expect(try await server.stop() == 0)
    }

    @Test("asks for no value without a terminal, but reports that it is missing")
    func missingValue() async throws {
        let server = try await RunningServer(dir: data.path)
        let run = try await PythonPeer.typing(
            [], into: "immuclient", ["-p", "\(server.port)", "set", "k"],
            environment: ["HOME": work.path], directory: work.path)
        #expect(run.exitCode == 1)
        #expect(run.output.contains("no value for key 'k': give one, or pipe it in"))
        #expect(try await server.stop() == 0)
    }

    @Test("shows the progress of a dump at a terminal, and then its result on that line")
    func progress() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await shell(server, ["set a 1", "set b 2"])
        let run = try await PythonPeer.typing(
            [], into: "immuclient", ["-p", "\(server.port)", "dump", "all"],
            environment: ["HOME": work.path], directory: work.path)
        #expect(run.exitCode == 0)
        #expect(run.output.firstMatch(of: /\rDumping \[#+ *\] +50 % 1\/2/) != nil, "\(run.output)")
        #expect(
            run.output.hasSuffix("\rSUCCESS: 2 key-value entries were backed-up to file all\r\n"))
        #expect(try await server.stop() == 0)
    }

    @Test("does not start without a server")
    func noServer() async throws {
        let server = try await RunningServer(dir: data.path)
        #expect(try await server.stop() == 0)
        let run = try await shell(server, ["version"])
        #expect(run.exitCode == 5)
        #expect(run.output == "")
        #expect(run.errors.contains("127.0.0.1:\(server.port)"))
    }
}
