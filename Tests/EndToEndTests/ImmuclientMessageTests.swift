import Foundation
import TestTools
import Testing

@Suite("Messages of immuclient, with a real immudb")
struct ImmuclientMessageTests {
    private let data = TemporaryFolder()
    private let work = TemporaryFolder()

    private func client(
        _ server: RunningServer, _ arguments: String..., input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path, input: input)
    }

    @Test("name a missing key, and explain an invalid one")
    func keys() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server, "set", "k", "v")
        for command in ["get", "sg", "rawsafeget", "receipt"] {
            let run = try await client(server, command, "no such")
            #expect(run.exitCode == 4)
            #expect(
                run.complaints
                    == "rpc error: code = NotFound desc = Key not found\nthere is no key 'no such'\n"
            )
        }
        for (arguments, said) in [
            (["set", "", "v"], "desc = invalid key\nthe key is empty: give at least one byte\n"),
            (["set", "!badger!", "v"], "the key begins with !badger!, which is reserved\n"),
            (["zscan", ""], "the name of the set is empty: give at least one byte\n"),
            (["reference", "", "k"], "the name of the reference is empty: give at least one"),
        ] {
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path)
            #expect(run.exitCode == 1)
            #expect(run.errors.contains(said), "\(run.errors)")
        }
        #expect(try await server.stop() == 0)
    }

    @Test("say that a stopped server does not answer, and that an unknown host is unknown")
    func unreachable() async throws {
        let server = try await RunningServer(dir: data.path)
        server.process.send(SIGSTOP)
        let stopped = try await client(server, "ping")
        server.process.send(SIGCONT)
        #expect(stopped.exitCode == 5)
        #expect(
            stopped.errors
                == "rpc error: code = Unavailable desc = cannot connect to "
                + "127.0.0.1:\(server.port): no answer within 5 s\n")
        let unknown = try await FinishedProcess.run(
            "immuclient", ["-a", "no.such.host.invalid", "ping"], directory: work.path)
        #expect(unknown.exitCode == 5)
        #expect(
            unknown.errors.contains(
                "cannot connect to no.such.host.invalid:3322: unknown host no.such.host.invalid"),
            "\(unknown.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("are absent when a command or the shell ends because the reader of its output has ended")
    func closedOutput() async throws {
        let server = try await RunningServer(dir: data.path)
        let lines = (0..<200).map { "set key\($0) \(String(repeating: "v", count: 1_000))\n" }
        #expect(try await client(server, "it", input: lines.joined()).exitCode == 0)
        let path = try RunningProcess.path(of: "immuclient")
        let client = "'\(path)' -p \(server.port)"
        for script in [
            "{ \(client) scan key; echo $? >code; } | head -2",
            "{ yes scan key 2>/dev/null | head -50 | \(client) it; echo $? >code; } | head -2",
        ] {
            let run = try await FinishedProcess.run(
                "/bin/sh", ["-c", script], directory: work.path)
            #expect(run.errors == "")
            #expect(run.output == "index:\t\t0\nkey:\t\tkey0\n")
            #expect(try String(contentsOf: work.file("code"), encoding: .utf8) == "141\n")
        }
        #expect(try await server.stop() == 0)
    }

    @Test("report a failed verification even if nobody reads the output")
    func closedOutputOfFailure() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server, "set", "k", "v")
        let path = try RunningProcess.path(of: "immuclient")
        let hash = String(repeating: "ab", count: 32)
        let run = try await FinishedProcess.run(
            "/bin/sh",
            [
                "-c",
                "{ sleep 1; '\(path)' -p \(server.port) inclusion 0 \(hash); echo $? >code; } | true",
            ], directory: work.path)
        #expect(run.errors.contains("VERIFICATION FAILED"))
        #expect(try String(contentsOf: work.file("code"), encoding: .utf8) == "3\n")
        #expect(try await server.stop() == 0)
    }

    @Test("show the version for its flag, and suggest what was probably meant")
    func words() async throws {
        let version = try await FinishedProcess.run("immuclient", ["version"]).output
        for flag in ["-V", "--version"] {
            let run = try await FinishedProcess.run("immuclient", [flag])
            #expect(run.exitCode == 0)
            #expect(run.output == version)
        }
        let command = try await FinishedProcess.run("immuclient", ["saefget", "k"])
        #expect(command.exitCode == 1)
        #expect(
            command.errors == """
                Error: unknown command "saefget" for "immuclient"
                Did you mean 'safeget'?
                Run 'immuclient --help' for usage.

                """)
        let flag = try await FinishedProcess.run("immuclient", ["get", "k", "--jsno"])
        #expect(flag.errors.contains("unknown flag: --jsno\nDid you mean '--json'?\n"))
        let json = try await FinishedProcess.run("immuclient", ["--json", "saefget"])
        #expect(json.errors.hasSuffix("\"suggestion\":\"safeget\"}}\n"), "\(json.errors)")
    }

    @Test(
        "end the shell for exit and quit, whatever follows them", arguments: ["exit now", "quit 1"])
    func exit(line: String) async throws {
        let server = try await RunningServer(dir: data.path)
        let run = try await client(server, "it", input: "\(line)\nfrobnicate\n")
        #expect(run.exitCode == 0)
        #expect(run.complaints == "")
        #expect(try await server.stop() == 0)
    }
}
