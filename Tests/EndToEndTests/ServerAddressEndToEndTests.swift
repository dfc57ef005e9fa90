import Foundation
import TestTools
import Testing

@Suite("Addresses of the server on the command line")
struct ServerAddressEndToEndTests {
    private let data: TemporaryFolder

    init() throws { data = TemporaryFolder() }

    private func ping(_ arguments: [String]) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["ping"] + arguments, environment: ["HOME": data.path],
            directory: data.path)
    }

    @Test(
        "lead to a server in each of their forms",
        arguments: [("127.0.0.1", ["127.0.0.1", "localhost"]), ("::1", ["::1", "[::1]"])])
    func forms(listening: String, hosts: [String]) async throws {
        let server = try await RunningServer(
            dir: data.path + "/db", arguments: ["-a", listening])
        for host in hosts {
            let run = try await ping(["-a", host, "-p", "\(server.port)"])
            #expect(
                run.exitCode == 0 && run.output == "Health check OK\n", "\(host): \(run.errors)")
        }
        for host in hosts where host != "::1" {
            let run = try await ping(["-a", "\(host):\(server.port)"])
            #expect(
                run.exitCode == 0 && run.output == "Health check OK\n", "\(host): \(run.errors)")
        }
        let written = hosts.last.map { "\($0):\(server.port)" } ?? ""
        let filled = try await FinishedProcess.run("immutest", ["1", "-a", written])
        #expect(filled.exitCode == 0, "\(filled.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("are refused with a reason if they are malformed or name two different ports")
    func faults() async throws {
        for (arguments, words) in [
            (
                ["-a", "127.0.0.1:1", "-p", "2"],
                "flag --immudb-address is \"127.0.0.1:1\": it names port 1, but the port is given "
                    + "as 2: give one of them"
            ),
            (["-a", "[::1"], "its bracket is not closed"),
            (["-a", "localhost:http"], "its port \"http\" is not a number from 1 to 65535"),
        ] {
            let client = try await ping(arguments)
            #expect(client.exitCode != 0 && client.errors.contains(words), "\(client.errors)")
            let tester = try await FinishedProcess.run("immutest", arguments)
            #expect(tester.exitCode == 1 && tester.errors.contains(words), "\(tester.errors)")
        }
    }

    @Test("are all named, with each one that was tried, when no server answers")
    func nobody() async throws {
        let server = try await RunningServer(dir: data.path + "/db")
        #expect(try await server.stop() == 0)
        let run = try await ping(["-a", "localhost:\(server.port)"])
        #expect(run.exitCode == 5)
        #expect(
            run.errors.contains(
                "cannot connect to localhost:\(server.port): ")
                && run.errors.contains("127.0.0.1:\(server.port): Connection refused"),
            "\(run.errors)")
        let unknown = try await ping(["-a", "no-such-host.invalid"])
        #expect(unknown.exitCode == 5)
        #expect(unknown.errors.contains("unknown host no-such-host.invalid: "), "\(unknown.errors)")
    }

    @Test("respect --timeout in a call to a stopped server")
    func timeout() async throws {
        let server = try await RunningServer(dir: data.path + "/db")
        server.process.send(SIGSTOP)
        let start = ContinuousClock.now
        let run = try await ping(["-p", "\(server.port)", "--timeout", "1"])
        // Without the flag, connecting fails after 5 s.
        #expect(ContinuousClock.now - start < .seconds(4))
        server.process.send(SIGCONT)
        #expect(run.exitCode == 5)
        #expect(run.errors.contains("DeadlineExceeded"), "\(run.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("are named with the time when a stopped server does not answer")
    func stopped() async throws {
        let server = try await RunningServer(dir: data.path + "/db")
        server.process.send(SIGSTOP)
        let run = try await ping(["-p", "\(server.port)"])
        server.process.send(SIGCONT)
        #expect(run.exitCode == 5)
        #expect(
            run.errors.contains(
                "cannot connect to 127.0.0.1:\(server.port): no answer within 5 s"), "\(run.errors)"
        )
        #expect(try await server.stop() == 0)
    }
}
