import Foundation
import ImmudbClient
import Logging
import LyingServer
import ServiceKit
import StorageIO
import Synchronization
import TestTools

@testable import ImmudbAuditor

/// A folder, and auditors in it.
final class AuditorFixture: Sendable {
    let folder = TemporaryFolder()
    private let lines = Mutex<[String]>([])

    var logLines: [String] { lines.withLock { $0 } }

    /// Opens an auditor of the server at a port of this machine.
    func auditor(
        of port: Int, in name: String = "auditor",
        _ change: (inout AuditorOptions) -> Void = { _ in }
    ) async throws -> Auditor {
        var connection = ImmudbClient.Configuration(port: port)
        let directory = folder.file(name).path
        connection.evidenceDirectory = directory + "/evidence"
        connection.connectTimeoutMilliseconds = 2_000
        var options = AuditorOptions(connection: connection, directory: directory)
        options.period = .zero
        options.sampleCount = 20
        change(&options)
        let log = ServerLog(level: .info) { [self] line in lines.withLock { $0.append(line) } }
        return try await Auditor.open(options, log: log.logger)
    }

    /// Opens an auditor, makes one round, and closes it, as `run --once` does.
    func round(
        of port: Int, in name: String = "auditor",
        _ change: (inout AuditorOptions) -> Void = { _ in }
    ) async throws -> RoundReport {
        let auditor = try await auditor(of: port, in: name, change)
        let report = await auditor.round()
        await auditor.close()
        guard let report else { throw CancellationError() }
        return report
    }

    func path(_ name: String, in auditor: String = "auditor") -> String {
        folder.file(auditor).path + "/" + name
    }

    /// The lines of an auditor's log.
    func rootLog(in auditor: String = "auditor") throws -> [String] {
        try String(contentsOfFile: path(AuditorFiles.logName, in: auditor), encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }
}

extension LyingServer {
    /// Starts a server that also has pages.
    static func startWithPages(
        _ ledger: TestLedger, identity: String? = identityText, port: Int = 0
    ) async throws -> LyingServer {
        let server = try await start(ledger, identity: identity, port: port)
        server.change { $0.servesPages = true }
        return server
    }
}
