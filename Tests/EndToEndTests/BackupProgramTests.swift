import Foundation
import ImmudbClient
import TestTools
import Testing

/// Tests that run the programs by which operators back up and restore.
protocol BackupProgramTests {
    /// Where the programs run.
    var data: TemporaryFolder { get }
    /// Where tokens and roots are.
    var home: TemporaryFolder { get }
}

extension BackupProgramTests {
    func path(_ name: String) -> String { data.file(name).path }

    func immudb(_ arguments: [String]) async throws -> FinishedProcess {
        try await FinishedProcess.run("immudb", arguments, directory: data.path)
    }

    func admin(
        _ server: RunningServer, _ arguments: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuadmin", ["-p", "\(server.port)"] + arguments, environment: ["HOME": home.path],
            directory: data.path, input: input)
    }

    func logIn(_ server: RunningServer) async throws {
        let first = try await admin(server, ["login", "immu"])
        let password = try #require(first.output.firstMatch(of: /\npassword: (.{32})\n/)?.1)
        let login = try await admin(server, ["login", "immu"], input: password + "\n")
        #expect(login.exitCode == 0, "\(login.errors)")
    }

    func connect(
        _ server: RunningServer, _ firstContact: ImmudbClient.FirstContact
    ) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: home.path), firstContact: firstContact)
    }

    func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: path(name))
    }
}
