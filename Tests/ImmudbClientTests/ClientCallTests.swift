import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import SwiftProtobuf
import TestTools
import Testing

@Suite("Calls of a client: tokens, evidence, waiting")
struct ClientCallTests {
    private let folder: TemporaryFolder

    init() throws { folder = TemporaryFolder() }

    private func connect(
        _ server: LyingServer, _ change: (inout ImmudbClient.Configuration) -> Void = { _ in }
    ) async throws -> ImmudbClient {
        var configuration = ImmudbClient.Configuration(port: server.port)
        change(&configuration)
        return try await ImmudbClient.connect(
            configuration, trustedRoots: InMemoryTrustedRootStore(),
            firstContact: .trustOnFirstUse)
    }

    @Test("keep a token from the login to the logout, and take one from the application")
    func tokens() async throws {
        let server = try await LyingServer.start(TestLedger(count: 1))
        let client = try await connect(server)
        func count(_ client: ImmudbClient) async throws -> UInt64 {
            try await client.count(prefix: [1])
        }
        let error = await #expect(throws: ClientError.self) { try await count(client) }
        #expect(error?.status == .unauthenticated)
        await #expect(throws: ClientError(.refused, "")) {
            try await client.login(user: "nobody", password: "Secret!1")
        }
        let token = try await client.login(user: "immu", password: "Secret!1")
        #expect(try await count(client) == 7)
        client.logout()
        await #expect(throws: ClientError.self) { try await count(client) }
        let other = try await connect(server) { $0.token = token }
        #expect(try await count(other) == 7)
        await #expect(throws: ClientError(.incompatible, "")) {
            try await other.login(user: "immu", password: "no token\n")
        }
        for client in [client, other] { await client.close() }
        await server.stop()
    }

    @Test("send the token to the expected server, and not to one that is refused at its address")
    func tokenOfAnother() async throws {
        let server = try await LyingServer.start(TestLedger(count: 1))
        let client = try await connect(server) { $0.token = "Secret!1" }
        #expect(server.healthTokens == [nil])
        _ = try await client.health()
        #expect(server.healthTokens == [nil, "Bearer Secret!1"])
        await client.close()
        var configuration = ImmudbClient.Configuration(port: server.port, token: "Secret!1")
        configuration.connectTimeoutMilliseconds = 20_000
        await #expect(throws: ClientError(.serverChanged, "")) {
            _ = try await ImmudbClient.connect(
                configuration, trustedRoots: InMemoryTrustedRootStore(),
                firstContact: .trustOnFirstUse, expecting: ServerIdentity("another"))
        }
        #expect(server.healthTokens.last == .some(nil))
        await server.stop()
    }

    @Test("leave evidence of a failed verification with requests and answers, for its owner only")
    func evidence() async throws {
        let server = try await LyingServer.start(TestLedger(count: 9))
        let client = try await connect(server) { $0.evidenceDirectory = folder.path }
        _ = try await client.verifiedGet("key1")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        server.change { $0.alterRead = { $0.proof.inclusionPath[0][3] ^= 1 } }
        let error = try #require(
            await #expect(throws: VerificationError.self) { try await client.verifiedGet("key1") })
        #expect(error.code == .inclusionFailed)
        #expect(error.path.count == 4)
        let path = try #require(error.evidenceFile)
        #expect(path.hasPrefix(folder.path))
        #expect(error.description.contains(path))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let text = try Data(contentsOf: URL(fileURLWithPath: path))
        let file = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        #expect(file["check"] as? String == "inclusionFailed")
        #expect(file["server"] as? String == LyingServer.identityText)
        let exchanges = try #require(file["exchanges"] as? [[String: Any]])
        let exchange = try #require(exchanges.last)
        #expect(exchange["method"] as? String == "SafeGet")
        // The verification can be repeated from the file, with the same result.
        let response = try #require(
            (exchange["response"] as? String).flatMap { Data(base64Encoded: $0) })
        let item = try Immudb_Schema_SafeItem(serializedBytes: response)
        #expect(item.item.key == Data("key1".utf8))
        await client.close()
        await server.stop()
    }

    @Test("leave no more evidence than a disk bears")
    func fullEvidence() async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await connect(server) { $0.evidenceDirectory = folder.path }
        for number in 0..<1_000 { try Data().write(to: folder.file("\(number)")) }
        server.change { $0.alterRead = { $0.item.value.append(0x21) } }
        let error = await #expect(throws: VerificationError.self) {
            try await client.verifiedGet("key1")
        }
        #expect(error?.evidenceFile == nil)
        #expect(error?.message.contains("files already: move them") == true)
        await client.close()
        await server.stop()
    }

    @Test("leave no more bytes of evidence than a disk bears")
    func longEvidence() async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await connect(server) { $0.evidenceDirectory = folder.path }
        let path = folder.path + "/earlier.json"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        // Sparse: it takes no room on the disk.
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: (1 << 30) - 1)
        try file.close()
        server.change { $0.alterRead = { $0.item.value.append(0x21) } }
        let error = await #expect(throws: VerificationError.self) {
            try await client.verifiedGet("key1")
        }
        #expect(error?.evidenceFile == nil)
        #expect(error?.message.contains("bytes already") == true)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["earlier.json"])
        await client.close()
        await server.stop()
    }

    @Test("keep the verification error if evidence cannot be written, and report that")
    func noRoomForEvidence() async throws {
        let server = try await LyingServer.start(TestLedger(count: 9))
        let client = try await connect(server) { $0.evidenceDirectory = folder.path + "/none" }
        try FileManager.default.removeItem(atPath: folder.path + "/none")
        server.change { $0.alterRead = { $0.proof.leaf[3] ^= 1 } }
        let error = await #expect(throws: VerificationError.self) {
            try await client.verifiedGet("key1")
        }
        #expect(error?.code == .leafMismatch)
        #expect(error?.evidenceFile == nil)
        #expect(error?.message.contains("could not be written") == true)
        await client.close()
        await server.stop()
    }

    @Test(
        "create the folder for evidence for its owner, or fail at once if it cannot be written to"
    )
    func evidenceFolder() async throws {
        let server = try await LyingServer.start(TestLedger(count: 9))
        let path = folder.path + "/new/evidence"
        await (try connect(server) { $0.evidenceDirectory = path }).close()
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o700)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        let file = try folder.write("file", "")
        let error = await #expect(throws: ClientError.self) {
            try await connect(server) { $0.evidenceDirectory = file + "/evidence" }
        }
        #expect(error?.code == .evidenceUnusable)
        #expect(error?.message.contains(file) == true)
        await server.stop()
    }

    @Test(
        "leave evidence of a tree that shrank with the trusted root and the server's new one"
    )
    func evidenceOfLoss() async throws {
        let server = try await LyingServer.start(TestLedger(count: 9))
        let client = try await connect(server) { $0.evidenceDirectory = folder.path }
        let trusted = try await client.trustedRoot()
        server.change { $0.ledger = TestLedger(count: 4) }
        for isWrite in [false, true] {
            let error = try #require(
                await #expect(throws: VerificationError.self) {
                    isWrite
                        ? try await client.verifiedSet("key1", "new")
                        : try await client.verifiedGet("key1")
                })
            #expect(error.code == .treeShrank && error.isRefusal)
            #expect(error.newSize == TreeSize(4))
            let text = try Data(contentsOf: URL(fileURLWithPath: try #require(error.evidenceFile)))
            let file = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
            let (old, new) = (file["trusted"] as? [String: Any], file["claimed"] as? [String: Any])
            #expect(old?["size"] as? Int == 9 && new?["size"] as? Int == 4)
            #expect(old?["root"] as? String == trusted.root.hex)
            #expect(new?["root"] as? String == server.ledger.root.root.hex)
            let exchanges = try #require(file["exchanges"] as? [[String: Any]])
            #expect(
                exchanges.map { $0["method"] as? String } == [
                    isWrite ? "SafeSet" : "SafeGet", "CurrentRoot",
                ])
            #expect(exchanges.first?["status"] as? String == "InvalidArgument")
            #expect(exchanges.first?["error"] as? String == "invalid root index")
            for exchange in exchanges {
                #expect(exchange["server"] as? String == LyingServer.identityText)
                #expect(exchange["time"] is String)
            }
        }
        await client.close()
        await server.stop()
    }

    @Test("outlast a restart if the client waits for its server, and fail at once otherwise")
    func waiting() async throws {
        let first = try await LyingServer.start(TestLedger(count: 4))
        let port = first.port
        let patient = try await connect(first) { $0.waitsForServer = true }
        let hasty = try await connect(first)
        _ = try await patient.verifiedGet("key1")
        await first.stop()
        let waiting = Task { try await patient.verifiedGet("key1") }
        try await Task.sleep(for: .milliseconds(200))
        await #expect(throws: ClientError(.unavailable, "")) { try await hasty.verifiedGet("key1") }
        let second = try await LyingServer.start(TestLedger(count: 4), port: port)
        #expect(try await waiting.value.value.payload == Array("value1".utf8))
        for client in [patient, hasty] { await client.close() }
        await second.stop()
    }

    @Test("verify a batch entry by entry, in order, with raw and structured values")
    func batches() async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await connect(server)
        let entries = (0..<150).map { (key: Array("k\($0 % 7)".utf8), value: [UInt8($0)]) }
        let raw = try await client.verifiedRawSetBatch(entries)
        #expect(raw.map(\.value.index.rawValue) == Array(3..<153))
        #expect(raw.map(\.value.value) == entries.map(\.value))
        let structured = try await client.verifiedSetBatch(Array(entries.prefix(2)))
        #expect(structured.map(\.value.payload) == [[0], [1]])
        #expect(structured.allSatisfy { $0.value.content != nil })
        #expect(try await client.trustedRoot() == server.ledger.root)
        await client.close()
        await server.stop()
    }
}
