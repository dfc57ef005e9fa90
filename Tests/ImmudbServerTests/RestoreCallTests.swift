import Foundation
import ImmudbBackup
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import RPCTransport
import SwiftProtobuf
import TestTools
import Testing

@Suite("The call Restore")
struct RestoreCallTests {
    private static let token = Data(repeating: 7, count: 16)

    /// Returns a backup of a database with some entries, and their root.
    private func backup(valueByteCount: Int = 100) async throws -> (bytes: [UInt8], TrustedRoot) {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let database = try Database.open(at: folder.path)
        for number in UInt8(0)..<20 {
            try await database.set([65, number], Array(repeating: number, count: valueByteCount))
        }
        var request = BackupRequest()
        request.serverIdentifier = Array(1...12)
        let backup = try database.backup(request)
        var bytes = backup.head.bytes
        while let part = try backup.nextPart() { bytes += part }
        let root = database.snapshot.trustedRoot
        try database.close()
        return (bytes, root)
    }

    private func begin(
        _ server: TestServer, by admin: Metadata, token: Data = token
    ) async throws -> RPCResponseStream<Immudb_Admin_V1_RestoreProgress>.AsyncIterator {
        var request = Immudb_Admin_V1_RestoreRequest()
        request.restore = token
        let stream: RPCResponseStream<Immudb_Admin_V1_RestoreProgress> =
            try await server.client.serverStreaming(
                AdminService.restore, request, metadata: admin)
        return stream.makeAsyncIterator()
    }

    private func send(
        _ bytes: [UInt8], _ number: UInt64, to server: TestServer, by admin: Metadata,
        token: Data = token, isLast: Bool = false
    ) async throws {
        var request = Immudb_Admin_V1_RestorePartRequest()
        request.restore = token
        request.number = number
        request.name = "full\u{1B}.backup"
        request.data = Data(bytes)
        request.endsRestore = isLast
        let _: RPCResponse<Immudb_Admin_V1_RestorePartReceived> = try await server.client.unary(
            AdminService.restorePart, request, metadata: admin)
    }

    private func stagePath(_ server: TestServer) -> String {
        server.server.options.directory + "/.immudb.restoring"
    }

    private func expectNothingLeft(_ server: TestServer) async throws {
        while FileManager.default.fileExists(atPath: stagePath(server)) {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(server.server.database.snapshot.size.isEmpty)
    }

    @Test("restores, says so with the root, and is another server on the next connection")
    func whole() async throws {
        let (bytes, root) = try await backup()
        try await TestServer.run { server in
            let admin = try await server.administrator()
            let before = server.server.identifier
            var progress = try await begin(server, by: admin)
            #expect(try await progress.next()?.size == 0)
            let half = bytes.count / 2
            try await send(Array(bytes[..<half]), 0, to: server, by: admin)
            try await send(Array(bytes[half...]), 1, to: server, by: admin, isLast: true)
            var last: Immudb_Admin_V1_RestoreProgress?
            while let message = try await progress.next() { last = message }
            #expect(last.map { Array($0.root) } == root.root.bytes && last?.size == 20)
            #expect(server.server.database.snapshot.trustedRoot == root)
            #expect(server.server.identifier != before)
            let other = RPCClient(.init(host: "127.0.0.1", port: server.server.options.port))
            let answer: RPCResponse<Immudb_Schema_Root> = try await other.unary(
                ImmuService.currentRoot, Google_Protobuf_Empty())
            #expect(answer.headers.first("immudb-uuid") == "\(server.server.identifier)")
            #expect(answer.message.index == 19)
            await other.shutdown()
            // Writes go on, and the same server is there after the next start.
            try await server.server.database.set([66], [1])
        }
    }

    @Test("is refused with entries, a wrong token, pieces out of order, and beside another one")
    func refused() async throws {
        let (bytes, _) = try await backup()
        try await TestServer.run { server in
            let admin = try await server.administrator()
            func code(_ body: () async throws -> Void) async -> StatusCode? {
                do {
                    try await body()
                    return nil
                } catch {
                    return (error as? RPCError)?.code
                }
            }
            #expect(
                await code {
                    var short = try await begin(server, by: admin, token: Data([1]))
                    _ = try await short.next()
                } == .invalidArgument)
            #expect(await code { try await send(bytes, 0, to: server, by: admin) } == .aborted)
            var progress: RPCResponseStream<Immudb_Admin_V1_RestoreProgress>.AsyncIterator? =
                try await begin(server, by: admin)
            #expect(
                await code {
                    var second = try await begin(server, by: admin)
                    _ = try await second.next()
                } == .resourceExhausted)
            #expect(await code { try await send(bytes, 3, to: server, by: admin) } == .outOfRange)
            let wrong = Data(repeating: 8, count: 16)
            #expect(
                await code { try await send(bytes, 0, to: server, by: admin, token: wrong) }
                    == .aborted)
            // Not with users' tokens: those of nobody.
            #expect(
                await code { try await send(bytes, 0, to: server, by: [:]) } == .unauthenticated)
            try await send(Array(bytes.prefix(300)), 0, to: server, by: admin)
            // Releasing the stream gives the restore up.
            progress = nil
            _ = progress
            try await expectNothingLeft(server)
            try await server.server.database.set([66], [1])
            // The place of the one before is free when its thread has ended.
            while true {
                let refusal = await code {
                    var late = try await begin(server, by: admin)
                    while try await late.next() != nil {}
                }
                if refusal == .alreadyExists { break }
                try #require(refusal == .resourceExhausted)
            }
        }
    }

    @Test("is refused for what is wrong with the backup, with its name in one line")
    func damaged() async throws {
        let (bytes, root) = try await backup()
        try await TestServer.run { server in
            let admin = try await server.administrator()
            var wrong = bytes
            wrong[bytes.count - 300] ^= 1
            var progress = try await begin(server, by: admin)
            try await send(wrong, 0, to: server, by: admin, isLast: true)
            let error = await #expect(throws: RPCError.self) {
                while try await progress.next() != nil {}
            }
            #expect(error?.code == .dataLoss)
            #expect(
                error?.message.contains("full?.backup, byte ") == true, "\(error?.message ?? "")")
            try await expectNothingLeft(server)
            progress = try await begin(server, by: admin)
            try await send(bytes, 0, to: server, by: admin, isLast: true)
            while try await progress.next() != nil {}
            #expect(server.server.database.snapshot.trustedRoot == root)
        }
    }

    @Test("ends with the server, which leaves nothing of it")
    func stop() async throws {
        let (bytes, _) = try await backup()
        try await TestServer.run { server in
            let admin = try await server.administrator()
            var progress = try await begin(server, by: admin)
            try await send(Array(bytes.prefix(300)), 0, to: server, by: admin)
            _ = try await progress.next()
            await server.server.stop(deadline: .seconds(5))
            #expect(!FileManager.default.fileExists(atPath: stagePath(server)))
        }
    }
}
