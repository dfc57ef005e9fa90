import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import ServiceKit
import SimulatedDisk
import StorageIO
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

@testable import ImmudbServer

@Suite("The health of a server")
struct HealthTests {
    typealias Answer = Grpc_Health_V1_HealthCheckResponse

    /// A service with a database whose disk can be broken.
    private struct Parts: Sendable {
        let disk: BreakableDisk
        let monitor: HealthMonitor
        let client: RPCClient

        func health() async throws -> RPCResponse<Immudb_Schema_HealthResponse> {
            try await client.unary(ImmuService.health, Google_Protobuf_Empty())
        }

        func check(_ service: String) async throws -> Answer.ServingStatus {
            let response: RPCResponse<Answer> = try await client.unary(
                HealthService.check, request(service))
            return response.message.status
        }

        func watch(_ service: String) async throws -> RPCResponseStream<Answer> {
            try await client.serverStreaming(HealthService.watch, request(service))
        }

        private func request(_ service: String) -> Grpc_Health_V1_HealthCheckRequest {
            .with { $0.service = service }
        }
    }

    private func withServer(
        watcherLimit: Int = 10, _ test: (Parts) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let disk = BreakableDisk()
        var options = Database.Options()
        options.fileSystem = disk
        let database = try Database.open(at: folder.path, options: options)
        let service = try DatabaseService(
            database: database, log: ServerLog(level: .error) { _ in }.logger,
            maxAnswerByteCount: 1 << 20)
        let monitor = HealthMonitor(service.operations, limit: watcherLimit)
        let checks = HealthChecks(service.operations, monitor)
        let server = try await RPCServer.start(
            .init(host: "127.0.0.1", port: 0), methods: service.methods + checks.methods)
        let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
        try await test(Parts(disk: disk, monitor: monitor, client: client))
        monitor.end()
        await client.shutdown()
        await server.shutdown(deadline: .seconds(5))
        try database.close()
    }

    private let names = ["", "immudb.schema.ImmuService", "immudb.read", "immudb.write"]

    @Test("is serving by each of its names, and unknown by any other")
    func well() async throws {
        try await withServer { server in
            let health = try await server.health()
            #expect(health.message.status)
            #expect(health.trailers.first(ImmuMetadata.writeProblem) == nil)
            #expect(health.trailers.first(ImmuMetadata.readProblem) == nil)
            for name in names { #expect(try await server.check(name) == .serving) }
            let error = await #expect(throws: RPCError.self) { try await server.check("immudb") }
            #expect(error?.code == .notFound)
            var unknown = try await server.watch("immudb").makeAsyncIterator()
            #expect(try await unknown.next()?.status == .serviceUnknown)
        }
    }

    @Test("has the reason of a failed write; reading still serves, writing does not")
    func brokenDisk() async throws {
        try await withServer { server in
            var watches: [String: RPCResponseStream<Answer>.AsyncIterator] = [:]
            for name in names {
                var watch = try await server.watch(name).makeAsyncIterator()
                #expect(try await watch.next()?.status == .serving)
                watches[name] = watch
            }
            server.disk.isBroken.withLock { $0 = true }
            let failed = await #expect(throws: RPCError.self) {
                let _: RPCResponse<Immudb_Schema_Index> = try await server.client.unary(
                    ImmuService.set, keyValue("key", "value"))
            }
            #expect(failed?.code == .internalError)
            server.disk.isBroken.withLock { $0 = false }

            let health = try await server.health()
            #expect(!health.message.status)
            #expect(
                health.trailers.first(ImmuMetadata.writeProblem)
                    == "a write failed (the disk failed), and no more are taken until the server is started again; "
                    + "its log says which file")
            #expect(health.trailers.first(ImmuMetadata.readProblem) == nil)
            for name in names {
                let status: Answer.ServingStatus = name == "immudb.read" ? .serving : .notServing
                #expect(try await server.check(name) == status)
                guard status == .notServing else { continue }
                #expect(try await watches[name]?.next()?.status == .notServing)
            }
        }
    }

    @Test("is no longer serving for watchers when the server stops, which they do not delay")
    func stopping() async throws {
        try await withServer { server in
            var watch = try await server.watch("immudb.read").makeAsyncIterator()
            #expect(try await watch.next()?.status == .serving)
            server.monitor.end()
            #expect(try await watch.next()?.status == .notServing)
            let end = await #expect(throws: RPCError.self) { try await watch.next() }
            #expect(end?.code == .unavailable)
            // A watcher that comes later gets the same answer.
            var late = try await server.watch("").makeAsyncIterator()
            #expect(try await late.next()?.status == .notServing)
        }
    }

    @Test("has at most four watchers on one connection")
    func limitOfAConnection() async throws {
        try await withServer(watcherLimit: 100) { server in
            var watches: [RPCResponseStream<Answer>.AsyncIterator] = []
            for name in names {
                var watch = try await server.watch(name).makeAsyncIterator()
                #expect(try await watch.next()?.status == .serving)
                watches.append(watch)
            }
            let refusal = await #expect(throws: RPCError.self) {
                var fifth = try await server.watch("").makeAsyncIterator()
                _ = try await fifth.next()
            }
            #expect(refusal?.code == .resourceExhausted)
            withExtendedLifetime(watches) {}
        }
    }

    @Test("has at most half of its watchers on one host; one that leaves makes room")
    func limit() async throws {
        try await withServer(watcherLimit: 4) { server in
            var first = Optional(try await server.watch("").makeAsyncIterator())
            var second = try await server.watch("").makeAsyncIterator()
            #expect(try await first?.next()?.status == .serving)
            #expect(try await second.next()?.status == .serving)
            let refusal = await #expect(throws: RPCError.self) {
                var third = try await server.watch("").makeAsyncIterator()
                _ = try await third.next()
            }
            #expect(refusal?.code == .resourceExhausted)
            first = nil
            var hasRoom = false
            for _ in 0..<500 where !hasRoom {
                do {
                    var third = try await server.watch("").makeAsyncIterator()
                    hasRoom = try await third.next()?.status == .serving
                } catch is RPCError {
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            #expect(hasRoom)
        }
    }
}

/// A file system whose files cannot be synchronized once it is broken.
private final class BreakableDisk: ForwardingFileSystem {
    let isBroken = Mutex(false)
    let base = POSIXFileSystem()

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        File(try base.open(path, mode), self)
    }

    private final class File: ForwardingFile {
        let base: any StorageFile
        private let owner: BreakableDisk

        init(_ base: any StorageFile, _ owner: BreakableDisk) {
            self.base = base
            self.owner = owner
        }

        func synchronizeData() throws(StoreError) {
            guard !owner.isBroken.withLock({ $0 }) else {
                throw StoreError(.io, "\(path) cannot be synchronized")
            }
            try base.synchronizeData()
        }
    }
}
