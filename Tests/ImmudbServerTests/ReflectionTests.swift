import ImmudbProtocol
import ImmudbStore
import RPCTransport
import ServiceKit
import SwiftProtobuf
import TestTools
import Testing

@testable import ImmudbServer

/// Checks of the reflection service that `reflection.py` of the end-to-end tests cannot make from
/// outside.
@Suite("The reflection service")
struct ReflectionTests {
    @Test("lists the services of all served methods, and no others")
    func services() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let database = try Database.open(at: folder.path)
        defer { try? database.close() }
        let service = try DatabaseService(
            database: database, log: ServerLog(level: .error) { _ in }.logger,
            maxAnswerByteCount: 1 << 20)
        let checks = HealthChecks(
            service.operations, HealthMonitor(service.operations, limit: 1))
        let reflection = try Reflection()
        // The methods of `AccountService` need users.
        let ofAccounts = ImmuService.methods.map(\.path) + AdminService.methods
        let served = Set(
            (service.methods + checks.methods + reflection.methods).map(\.path) + ofAccounts)
        let defined = ProtocolFiles.descriptors.flatMap { file in
            file.service.flatMap { service in
                service.method.map { "/\(file.package).\(service.name)/\($0.name)" }
            }
        }
        let undefined = Set(ImmuService.laterMethods + [ReflectionService.olderInfo])
        #expect(Set(defined) == served.subtracting(undefined))
    }
}
