import Foundation
import ImmudbBackup
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import RPCTransport
import SwiftProtobuf
import Testing

@Suite("The call Backup")
struct BackupCallTests {
    private func backup(
        _ server: TestServer, _ request: Immudb_Admin_V1_BackupRequest, by admin: Metadata
    ) async throws -> RPCResponseStream<Immudb_Admin_V1_BackupPart> {
        try await server.client.serverStreaming(AdminService.backup, request, metadata: admin)
    }

    /// Receives a backup to its end.
    private func bytes(
        _ server: TestServer, _ request: Immudb_Admin_V1_BackupRequest = .init(), by admin: Metadata
    ) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await part in try await backup(server, request, by: admin) {
            #expect(part.data.count <= 1 << 20)
            #expect(part.size == server.server.database.snapshot.size.rawValue)
            bytes += part.data
        }
        return bytes
    }

    /// Verifies a chain, and returns the tree that it ends with.
    private func verify(_ backups: [[UInt8]]) throws -> TrustedRoot {
        var chain = BackupChain()
        for bytes in backups {
            var offset = 0
            var reader = try BackupReader("backup") { buffer throws(StoreError) in
                let count = min(buffer.count, bytes.count - offset)
                buffer.copyBytes(from: bytes[offset..<offset + count])
                offset += count
                return count
            }
            try chain.begin(reader.head)
            #expect(reader.head.serverIdentifier?.count == 12 && reader.head.name == "immudb")
            while let part = try reader.next() {
                switch part {
                case .chunk(let chunk): try chain.add(chunk)
                case .trailer(let trailer): try chain.end(trailer)
                }
            }
        }
        try chain.complete()
        return chain.end
    }

    @Test("gives full and incremental backups, also of entries that are larger than a message")
    func chain() async throws {
        try await TestServer.run { server in
            let admin = try await server.administrator()
            let database = server.server.database
            for count in [10, 3_000_000, 0] {
                try await database.set(
                    Array("key \(count)".utf8), Array(repeating: 7, count: count))
            }
            let full = try await bytes(server, by: admin)
            let first = database.snapshot.trustedRoot
            #expect(try verify([full]) == first)
            try await database.set([65], [1])
            var request = Immudb_Admin_V1_BackupRequest()
            request.sinceSize = first.size.rawValue
            request.sinceRoot = Data(first.root.bytes)
            let incremental = try await bytes(server, request, by: admin)
            #expect(incremental.count < 1_000)
            #expect(try verify([full, incremental]) == database.snapshot.trustedRoot)
            // Continues a backup that ends with the tree of the full one: the head, and the rest.
            var resumed = Immudb_Admin_V1_BackupRequest()
            resumed.resumeSize = first.size.rawValue
            resumed.resumeRoot = Data(first.root.bytes)
            let rest = try await bytes(server, resumed, by: admin)
            let headByteCount = try BackupHead(Array(full.prefix(96 + 6 + 4))).bytes.count
            let whole = full.dropLast(BackupTrailer.byteCount) + rest.dropFirst(headByteCount)
            #expect(try verify([Array(whole)]) == database.snapshot.trustedRoot)
        }
    }

    @Test("refuses a history that is not the server's, and roots that no tree has")
    func otherHistory() async throws {
        try await TestServer.run { server in
            let admin = try await server.administrator()
            try await server.server.database.set([65], [1])
            for (size, root, code) in [
                (1, Data(repeating: 1, count: 32), StatusCode.failedPrecondition),
                (2, Data(repeating: 1, count: 32), .failedPrecondition),
                (0, Data(repeating: 1, count: 32), .invalidArgument),
                (1, Data(repeating: 1, count: 31), .invalidArgument),
                (.max, Data(repeating: 1, count: 32), .invalidArgument),
            ] as [(UInt64, Data, StatusCode)] {
                for isResumed in [false, true] {
                    var request = Immudb_Admin_V1_BackupRequest()
                    if isResumed {
                        request.resumeSize = size
                        request.resumeRoot = root
                    } else {
                        request.sinceSize = size
                        request.sinceRoot = root
                    }
                    let error = await #expect(throws: RPCError.self) {
                        for try await _ in try await backup(server, request, by: admin) {}
                    }
                    #expect(error?.code == code, "\(size), \(root.count)")
                }
            }
        }
    }

    @Test("gives one backup at a time, and the next one when that is given up")
    func oneAtATime() async throws {
        try await TestServer.run { server in
            let admin = try await server.administrator()
            for number in UInt8(0)..<40 {
                try await server.server.database.set(
                    [65, number], Array(repeating: 1, count: 1 << 20))
            }
            var first: RPCResponseStream<Immudb_Admin_V1_BackupPart>.AsyncIterator? =
                try await backup(server, .init(), by: admin).makeAsyncIterator()
            #expect(try await first?.next() != nil)
            let error = await #expect(throws: RPCError.self) {
                for try await _ in try await backup(server, .init(), by: admin) {}
            }
            #expect(error?.code == .resourceExhausted)
            #expect(error?.message.contains("another backup is running") == true)
            // Releasing the stream ends the call.
            first = nil
            while true {
                do {
                    let whole = try await bytes(server, by: admin)
                    #expect(try verify([whole]) == server.server.database.snapshot.trustedRoot)
                    break
                } catch let error as RPCError where error.code == .resourceExhausted {
                    await Task.yield()
                }
            }
        }
    }

    @Test("names the entry and the file to an administrator if an entry is damaged")
    func damaged() async throws {
        try await TestServer.run { server in
            let admin = try await server.administrator()
            let value = Array("a value to be found".utf8)
            try await server.server.database.set([65], value)
            let path = "\(server.server.database.path)/ledger/0000000000.segment"
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            let bytes = try #require(try file.read(upToCount: 1 << 16))
            let place = try #require(bytes.range(of: Data(value))).lowerBound
            try file.seek(toOffset: UInt64(place))
            try file.write(contentsOf: Data("A".utf8))
            try file.close()
            let error = await #expect(throws: RPCError.self) {
                for try await _ in try await backup(server, .init(), by: admin) {}
            }
            #expect(error?.code == .dataLoss)
            #expect(error?.message.contains("entry 0") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains(path) == true)
        }
    }
}
