import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("A client of a real server whose data was replaced")
struct TamperedServerTests {
    private let data: TemporaryFolder
    private let trusted: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        trusted = TemporaryFolder()
    }

    private func connect(
        _ server: RunningServer, _ firstContact: ImmudbClient.FirstContact
    ) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: trusted.path), firstContact: firstContact)
    }

    @Test(
        "detects a server that was restored from an older copy, whether or not it has grown since")
    func olderCopy() async throws {
        let live = data.file("live").path
        let copy = data.file("copy").path
        var server = try await RunningServer(dir: live)
        var client = try await connect(server, .trustOnFirstUse)
        for number in 0..<5 { try await client.verifiedSet("before \(number)", "value") }
        await client.close()
        #expect(try await server.stop() == 0)
        try FileManager.default.copyItem(atPath: live, toPath: copy)

        server = try await RunningServer(dir: live)
        client = try await connect(server, .refuse)
        for number in 0..<5 { try await client.verifiedSet("after \(number)", "value") }
        let root = try await client.trustedRoot()
        await client.close()
        #expect(try await server.stop() == 0)

        try FileManager.default.removeItem(atPath: live)
        try FileManager.default.moveItem(atPath: copy, toPath: live)
        server = try await RunningServer(dir: live)
        client = try await connect(server, .refuse)
        await #expect(throws: VerificationError(.treeShrank, "")) {
            try await client.verifiedGet("before 1")
        }
        await #expect(throws: VerificationError(.treeShrank, "")) {
            try await client.verifiedGet("after 1")
        }
        // Clients that trust nothing yet make it larger than it was.
        for number in 0..<20 { try await client.set("other \(number)", "value") }
        await #expect(throws: VerificationError(.consistencyFailed, "")) {
            try await client.verifiedGet("before 1")
        }
        await #expect(throws: VerificationError(.consistencyFailed, "")) {
            try await client.verifiedSet("new", "value")
        }
        #expect(try await client.trustedRoot() == root)
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test(
        "makes receipts that independent arithmetic confirms, also after the server has grown")
    func receipts() async throws {
        let server = try await RunningServer(dir: data.file("live").path)
        let client = try await connect(server, .trustOnFirstUse)
        var receipts: [Receipt] = []
        for number in 0..<20 {
            let key = "key \(number)"
            try await client.verifiedSet(key, "value \(number)")
            receipts.append(try await client.receipt(of: Array(key.utf8)))
        }
        try await client.rawSet([0xff, 0x0a], [])
        receipts.append(try await client.receipt(of: [0xff, 0x0a]))
        let files = try receipts.enumerated().map { number, receipt in
            let file = data.file("receipt-\(number)")
            try Data(receipt.text.utf8).write(to: file)
            return file.path
        }
        let said = try await PythonPeer.run("check_receipt.py", files)
        #expect(said.contains("21 receipts are right"))
        for receipt in receipts { _ = try await client.verify(receipt) }
        try await client.verifiedReference(Array("name".utf8), to: Array("key 3".utf8))
        await #expect(throws: ClientError(.refused, "")) {
            try await client.receipt(of: Array("name".utf8))
        }
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("requests sequences page by page, both ways, and from the middle")
    func sequences() async throws {
        let server = try await RunningServer(dir: data.file("live").path)
        let client = try await connect(server, .trustOnFirstUse)
        let keys = (0..<57).map { [UInt8(0xff), UInt8($0)] }
        _ = try await client.rawSetBatch(keys.map { ($0, [1]) })
        try await client.rawSet([0xfe], [2])
        for pageSize in [1, 7, 57, 58, 1_000] {
            var found: [[UInt8]] = []
            for try await entry in client.entries(withPrefix: [0xff], pageSize: pageSize) {
                found.append(entry.key)
            }
            #expect(found == keys)
            found = []
            for try await entry in client.entries(
                withPrefix: [0xff], reverse: true, pageSize: pageSize)
            {
                found.append(entry.key)
            }
            #expect(found == keys.reversed())
            for first in [0, 1, 30, 57, 58, 400] as [UInt64] {
                var indexes: [UInt64] = []
                for try await entry in client.entries(from: EntryIndex(first), pageSize: pageSize) {
                    indexes.append(entry.index.rawValue)
                }
                #expect(indexes == Array(min(first, 58)..<58))
            }
        }
        await client.close()
        #expect(try await server.stop() == 0)
    }
}
