import Foundation
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import RPCTransport
import ServiceKit
import SimulatedDisk
import StorageIO
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

/// INTERNAL on a write says that its entry may be stored; UNAVAILABLE and RESOURCE_EXHAUSTED say
/// that it is not.
@Suite("Writes that fail")
struct StoredWriteTests {
    /// Runs a test against a server whose tree files can be made unreadable.
    private func withServer(
        _ test: (RPCClient, Database, UnreadableTree) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let fileSystem = UnreadableTree()
        var options = Database.Options()
        options.fileSystem = fileSystem
        let database = try Database.open(at: folder.path, options: options)
        // Twice the digests of a block: proofs need some that are not in memory.
        for first in stride(from: 0, to: 600, by: 100) {
            try await database.setBatch(
                (first..<first + 100).map { NewEntry(key: Array("key\($0)".utf8), value: []) })
        }
        try database.close()
        let reopened = try Database.open(at: folder.path, options: options)
        let service = try DatabaseService(
            database: reopened, log: ServerLog(level: .error) { _ in }.logger,
            maxAnswerByteCount: 1 << 20)
        let server = try await RPCServer.start(
            .init(host: "127.0.0.1", port: 0), methods: service.methods)
        let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
        try await test(client, reopened, fileSystem)
        await client.shutdown()
        await server.shutdown(deadline: .seconds(1))
        try reopened.close()
    }

    private func error(
        _ client: RPCClient, _ path: String, _ request: some Message
    ) async throws -> RPCError {
        try #require(
            await #expect(throws: RPCError.self) {
                let _: RPCResponse<Google_Protobuf_Empty> = try await client.unary(path, request)
            })
    }

    @Test("report INTERNAL and the index if the entry is stored but its proof cannot be made")
    func unprovable() async throws {
        try await withServer { client, database, tree in
            tree.isUnreadable.withLock { $0 = true }
            let requests: [(String, any Message)] = [
                (
                    ImmuService.safeSet,
                    Immudb_Schema_SafeSetOptions.with {
                        $0.kv = keyValue("new", "value")
                        $0.rootIndex.index = 3
                    }
                ),
                (
                    ImmuService.safeReference,
                    Immudb_Schema_SafeReferenceOptions.with {
                        $0.ro.reference = Data("name".utf8)
                        $0.ro.key = Data("new".utf8)
                        $0.rootIndex.index = 3
                    }
                ),
                (
                    ImmuService.safeZAdd,
                    Immudb_Schema_SafeZAddOptions.with {
                        $0.zopts.set = Data("set".utf8)
                        $0.zopts.score = 1
                        $0.zopts.key = Data("new".utf8)
                        $0.rootIndex.index = 3
                    }
                ),
                (
                    ImmuService.safeSetSV,
                    Immudb_Schema_SafeSetSVOptions.with {
                        $0.skv.key = Data("structured".utf8)
                        $0.skv.value.timestamp = 1
                        $0.rootIndex.index = 3
                    }
                ),
            ]
            for (number, (path, request)) in requests.enumerated() {
                let error = try await error(client, path, request)
                #expect(error.code == .internalError, "\(path)")
                let start =
                    "the entry was stored at index \(600 + number), but its proof cannot be made: "
                #expect(error.message.hasPrefix(start), "\(error.message)")
                #expect(error.message.hasSuffix(". Read it instead of writing it again"))
            }
            tree.isUnreadable.withLock { $0 = false }
            #expect(database.snapshot.size.rawValue == 604)
            let read: RPCResponse<Immudb_Schema_Item> = try await client.unary(
                ImmuService.get, keyMessage("new"))
            #expect(read.message.index == 600)
        }
    }
}

/// The real file system, but tree files cannot be read once the test says so.
private final class UnreadableTree: ForwardingFileSystem {
    let isUnreadable = Mutex(false)
    let base = POSIXFileSystem()

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        let file = try base.open(path, mode)
        return path.contains("/tree/") ? File(file, self) : file
    }

    private final class File: ForwardingFile {
        let base: any StorageFile
        private let owner: UnreadableTree

        init(_ base: any StorageFile, _ owner: UnreadableTree) {
            self.base = base
            self.owner = owner
        }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
        ) throws(StoreError) -> Int {
            guard !owner.isUnreadable.withLock({ $0 }) else {
                throw StoreError(.io, "\(path) cannot be read")
            }
            return try base.read(into: buffer, at: offset)
        }
    }
}
