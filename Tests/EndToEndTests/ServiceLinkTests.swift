import Foundation
import TestTools
import Testing

/// Programs in a Kubernetes pod beside services with the programs' names: the platform sets
/// variables that are not meant for them.
@Suite("Service links of Kubernetes")
struct ServiceLinkTests {
    private static let link = "tcp://10.0.0.7:3322"
    private let work = TemporaryFolder()

    @Test("make the server warn and take the next source, and are not read beside a flag")
    func server() async throws {
        let config = try work.write("immudb.toml", "port = 0\n")
        let variables = [
            "IMMUDB_PORT": Self.link, "IMMUDB_PORT_3322_TCP": Self.link,
            "IMMUDB_SERVICE_HOST": "10.0.0.7",
        ]
        for flags in [[], ["-p", "0"]] {
            let process = try RunningProcess(
                "immudb",
                ["--config", config, "--dir", work.file("data").path, "--metrics-port", "0"]
                    + flags,
                environment: variables)
            try await process.waitForOutput("Ready: ")
            #expect(!process.errors.contains(" serves 127.0.0.1:3322"))
            let warning = "environment variable IMMUDB_PORT is \(Self.link), which Kubernetes sets"
            #expect(process.errors.contains(warning) == flags.isEmpty, "\(process.errors)")
            #expect(process.errors.contains("IMMUDB_SERVICE_HOST is not a setting of immudb"))
            process.terminate()
            #expect(try await process.exitCode() == 0)
        }
    }

    @Test(
        "make the clients do the same",
        arguments: [("immuclient", "ping"), ("immuadmin", "status")])
    func clients(program: String, command: String) async throws {
        let server = try await RunningServer(dir: work.file("data").path)
        let config = try work.write("\(program).toml", "immudb-port = \(server.port)\n")
        let variable = "\(program.uppercased())_IMMUDB_PORT"
        for flags in [[], ["-p", "\(server.port)"]] {
            let asked = try await FinishedProcess.run(
                program, [command, "--config", config] + flags, environment: [variable: Self.link])
            #expect(asked.exitCode == 0, "\(asked.errors)")
            #expect(
                asked.errors.contains("\(variable) is \(Self.link), which Kubernetes sets")
                    == flags.isEmpty, "\(asked.errors)")
        }
        #expect(try await server.stop() == 0)
    }
}
