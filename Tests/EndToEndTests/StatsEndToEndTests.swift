import Foundation
import TestTools
import Testing

/// `immuadmin stats` against a running server.
@Suite("immuadmin stats")
struct StatsEndToEndTests {
    private let data = TemporaryFolder()
    private let home = TemporaryFolder()

    private func start(_ arguments: [String] = []) async throws -> (RunningServer, metricsPort: Int)
    {
        let server = try await RunningServer(dir: data.file("db").path, arguments: arguments)
        let port = try #require(server.process.errors.firstMatch(of: /"MetricsPort":([0-9]+)/)?.1)
        return (server, try #require(Int(port)))
    }

    private func stats(
        _ server: RunningServer, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuadmin", ["stats", "-p", "\(server.port)"] + arguments,
            environment: environment.merging(["HOME": home.path]) { $1 }, directory: home.path)
    }

    /// Runs the command on a terminal of 80 × 24 at first; see `Python/screen.py`.
    private func screen(
        _ port: Int, _ metricsPort: Int, _ steps: [String],
        _ environment: [String: String] = [:]
    ) async throws -> FinishedProcess {
        try await PythonPeer.screen(
            steps, "immuadmin",
            ["stats", "-p", "\(port)", "--metrics-port", "\(metricsPort)"],
            environment: ["HOME": home.path, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"]
                .merging(environment) { $1 },
            directory: home.path)
    }

    private func write(_ server: RunningServer) async throws {
        for key in ["a", "b"] {
            let set = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)", "set", key, "value"],
                directory: home.path)
            #expect(set.exitCode == 0, "\(set.errors)")
        }
        // The server sums up its counts each second.
        try await Task.sleep(for: .milliseconds(1_500))
    }

    @Test("prints the server's numbers as text, as JSON, and as the server has them")
    func forms() async throws {
        let (server, port) = try await start()
        try await write(server)
        let text = try await stats(server, ["-t", "--metrics-port", "\(port)"])
        #expect(text.exitCode == 0 && text.errors == "")
        #expect(text.output.hasPrefix("Database path              :\t\(data.file("db").path)"))
        for line in [
            /\nUptime                     :\t[0-9.]+m?s\n/, /\nNumber of entries          :\t2\n/,
            /\nVLog size                  :\t[0-9.]+ .?B\n/,
            /\nNumber of clients          :\t1\n/,
            /\n   127.0.0.1               :\t[0-9]+\n      Last query           :\t[0-9.]+m?s ago\n/,
            /\nAvg. duration \(nb calls\)   :\tµs\n/,
            /\n   Set \(2\)                 :\t[0-9]+\n/,
            /\nHealth                     :\ttakes writes, answers reads\n/,
        ] {
            #expect(text.output.contains(line), "\(text.output)")
        }
        // Without a terminal the output is text. The port comes from a variable.
        for name in ["IMMUADMIN_METRICS-PORT", "IMMUADMIN_METRICS_PORT"] {
            let plain = try await stats(server, [], environment: [name: "\(port)"])
            #expect(plain.output.hasPrefix("Database path              :\t"), "\(plain.errors)")
        }
        let raw = try await stats(server, ["-r", "--metrics-port", "\(port)"])
        #expect(raw.output.contains("\nimmudb_number_of_stored_entries 2\n"))
        #expect(raw.output.hasSuffix("\n\n"))
        let json = try await stats(server, ["s", "--json", "--metrics-port", "\(port)"].suffix(3))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["entries"] as? Int == 2 && object["takesWrites"] as? Bool == true)
        #expect(
            ((object["methods"] as? [String: Any])?["Set"] as? [String: Any])?["calls"] as? Int
                == 2)
        #expect(try await server.stop() == 0)
    }

    @Test("names the address that does not answer, and ends with 5")
    func unreachable() async throws {
        let (server, port) = try await start()
        let other = try await stats(server, ["-t", "--metrics-port", "1"])
        #expect(other.exitCode == 5 && other.output == "")
        #expect(other.errors.hasPrefix("no metrics from 127.0.0.1:1: connection refused. "))
        #expect(
            other.errors.contains("--metrics-port") && other.errors.contains("--metrics-address"))
        // Another service answers at this port.
        let wrong = try await stats(server, ["-t", "--json", "--metrics-port", "\(server.port)"])
        #expect(
            wrong.exitCode != 0 && wrong.errors.hasPrefix("{\"error\":{\"code\":"),
            "\(wrong.errors)")
        #expect(try await server.stop() == 0)
        let gone = try await stats(server, ["-t", "--metrics-port", "\(port)"])
        #expect(gone.exitCode == 5, "\(gone.errors)")
    }

    @Test(
        "draws on the whole terminal, in any size, until a key ends it",
        arguments: ["q", "\\x1b", "\\x03"])
    func keys(key: String) async throws {
        let (server, port) = try await start()
        try await write(server)
        let run = try await screen(
            server.port, port,
            [
                "show  Exit: q, Esc or Ctrl-C ", "show Avg. duration: ", "show  reads / ",
                "show  Memory: ",
                "print", "resize 160 48", "show Bytes by part", "resize 30 8",
                "show The terminal is too",
                "resize 1 1", "resize 90 30", "keys \\x1b[A", "show  DB Size: ", "print",
                "keys \(key)",
            ])
        #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
        #expect(run.output.hasSuffix("terminal: kept left cursor\nend: 0\n"), "\(run.output)")
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0].count == 80 && lines[0].hasPrefix("┌ Exit: q, Esc or Ctrl-C ──"))
        #expect(lines[23].hasPrefix("└") && lines[23].hasSuffix("┘"))
        #expect(lines[24].count == 90 && lines[53].hasPrefix("└"))
        #expect(try await server.stop() == 0)
    }

    @Test(
        "leaves the terminal as it was when a signal ends it",
        arguments: [("TERM", 143), ("HUP", 129), ("QUIT", 131), ("INT", 0)])
    func signals(name: String, code: Int) async throws {
        let (server, port) = try await start()
        let run = try await screen(server.port, port, ["show Memory", "send \(name)"])
        #expect(
            run.output == "terminal: kept left cursor\nend: \(code)\n", "\(run.output)\(run.errors)"
        )
        #expect(try await server.stop() == 0)
    }

    @Test("ends at a signal even if the terminal takes no output, as after Ctrl-S")
    func stuckTerminal() async throws {
        let (server, port) = try await start()
        let run = try await screen(
            server.port, port, ["show Memory", "keys \\x13", "pause 4", "send TERM"])
        // The terminal takes no output to leave the screen, but the modes are restored.
        #expect(run.output == "terminal: kept\nend: 143\n", "\(run.output)\(run.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("stops at Ctrl-Z with the terminal restored, and continues")
    func suspension() async throws {
        let (server, port) = try await start()
        let run = try await screen(
            server.port, port,
            [
                "show Memory", "keys \\x1a", "stopped", "resize 100 30", "continue",
                "show Bytes by part",
                "print", "send STOP", "stopped", "continue", "show Memory", "keys q",
            ])
        #expect(run.output.hasPrefix("stopped: kept left cursor\n"), "\(run.output)\(run.errors)")
        #expect(run.output.hasSuffix("terminal: kept left cursor\nend: 0\n"), "\(run.output)")
        #expect(try await server.stop() == 0)
    }

    @Test("stays when the server hangs, ends and returns, and says so")
    func restart() async throws {
        let (server, port) = try await start()
        let id = server.process.identifier
        let serverPort = server.port
        async let run = screen(
            serverPort, port,
            [
                "show Memory", "signal \(id) STOP", "show No answer since",
                "show no answer within 3 seconds",
                "signal \(id) CONT", "show └", "signal \(id) TERM", "show connection refused",
                "show The server has restarted", "show Memory", "keys q",
            ])
        #expect(try await server.process.exitCode(timeoutSeconds: 60) == 0)
        // Long enough for the screen to notice that the server is gone.
        try await Task.sleep(for: .seconds(7))
        let next = try await RunningServer(
            dir: data.file("db").path, port: server.port,
            arguments: ["--metrics-port", "\(port)"])
        let finished = try await run
        #expect(
            finished.output == "terminal: kept left cursor\nend: 0\n",
            "\(finished.output)\(finished.errors)")
        #expect(try await next.stop() == 0)
    }

    @Test("draws with ASCII if the locale is not UTF-8, and without colours")
    func plainTerminal() async throws {
        let (server, port) = try await start()
        let run = try await screen(
            server.port, port, ["show Memory", "print", "keys q"], ["LC_ALL": "C", "TERM": "vt100"])
        #expect(
            run.output.utf8.allSatisfy { $0 < 0x80 } && run.output.hasPrefix("+ Exit: q"),
            "\(run.output)")
        #expect(run.output.hasSuffix("end: 0\n"))
        #expect(try await server.stop() == 0)
    }

    @Test(
        "suggests --text on a terminal that cannot show a screen",
        arguments: ["dumb", "", "no-such-terminal"])
    func noScreen(term: String) async throws {
        let (server, port) = try await start()
        let run = try await screen(
            server.port, port, ["show no screen here: ", "print"], ["TERM": term])
        let text = run.output.replacing("\n", with: "")
        #expect(text.hasPrefix("no screen here: "), "\(run.output)")
        #expect(text.contains(". Use stats --text"), "\(run.output)")
        #expect(run.output.hasSuffix("terminal: kept cursor\nend: 1\n"), "\(run.output)")
        #expect(try await server.stop() == 0)
    }
}
