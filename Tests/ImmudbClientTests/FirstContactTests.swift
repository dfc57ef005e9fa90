import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import TestTools
import Testing

@Suite("First contact")
struct FirstContactTests {
    private func connect(
        _ server: LyingServer, _ roots: any TrustedRootStore,
        _ firstContact: ImmudbClient.FirstContact = .trustOnFirstUse
    ) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: roots,
            firstContact: firstContact)
    }

    @Test("trusts the root that the server shows if the client says so, and refuses it otherwise")
    func policies() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let strict = try await connect(server, InMemoryTrustedRootStore(), .refuse)
        await #expect(throws: ClientError(.firstContactRefused, "")) {
            try await strict.verifiedGet("key1")
        }
        let wrong = try await connect(
            server, InMemoryTrustedRootStore(), .trust(TestLedger(count: 3, salt: "!").root))
        await #expect(throws: VerificationError(.consistencyFailed, "")) {
            try await wrong.verifiedGet("key1")
        }
        let trusting = try await connect(server, InMemoryTrustedRootStore())
        let read = try await trusting.verifiedGet("key1")
        #expect(read.value.payload == Array("value1".utf8))
        for client in [strict, wrong, trusting] { await client.close() }
        await server.stop()
    }

    @Test(
        "leaves a root file without digest for an empty server, whose first entry is then verified")
    func emptyServer() async throws {
        let folder = TemporaryFolder()
        let server = try await LyingServer.start(TestLedger())
        let client = try await connect(server, FileTrustedRootStore(directory: folder.path))
        await #expect(throws: ClientError(.notFound, "")) { try await client.verifiedGet("key") }
        let file = URL(fileURLWithPath: "\(folder.path)/.root-\(LyingServer.identityText)")
        #expect(try Data(contentsOf: file) == Data([0x08, 0x00]))
        let written = try await client.verifiedSet("key", "value")
        #expect(written.root == server.ledger.root)
        #expect(try Data(contentsOf: file).count == 34)
        try await client.verifiedSet("key", "value 2")
        #expect(try Data(contentsOf: file).count == 36)
        await client.close()
        await server.stop()
    }

    @Test(
        "does not trust a first root of a wrong length, or without its tree",
        arguments: [0, 1, 31, 33, 64])
    func malformedRoots(count: Int) async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        server.change { $0.alterRoot = { $0.root = Data(repeating: 1, count: count) } }
        let roots = InMemoryTrustedRootStore()
        let client = try await connect(server, roots)
        await #expect(throws: VerificationError(.malformedProof, "")) {
            try await client.verifiedGet("key1")
        }
        #expect(roots.trustedRoot(of: client.identity) == nil)
        await client.close()
        await server.stop()
    }

    @Test("lets overlapping verified writes all succeed, and ends at the newest root")
    func overlappingWrites() async throws {
        let folder = TemporaryFolder()
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await connect(server, FileTrustedRootStore(directory: folder.path))
        _ = try await client.trustedRoot()
        server.change { $0.writesToGather = 20 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { try await client.verifiedSet("key \(number)", "value") }
            }
            try await group.waitForAll()
        }
        let now = try await client.trustedRoot()
        #expect(now == server.ledger.root)
        #expect(now.size == TreeSize(23))
        await client.close()
        await server.stop()
    }

    @Test("does not report tampering to two clients that share roots while a third one writes")
    func sharedRoots() async throws {
        let folder = TemporaryFolder()
        let server = try await LyingServer.start(TestLedger(count: 3))
        let writer = try await connect(server, InMemoryTrustedRootStore())
        let one = try await connect(server, FileTrustedRootStore(directory: folder.path))
        let two = try await connect(server, FileTrustedRootStore(directory: folder.path))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<40 { try await writer.verifiedSet("new \(number)", "value") }
            }
            for client in [one, two] {
                group.addTask {
                    for number in 0..<40 { _ = try await client.verifiedGet("key\(number % 3)") }
                }
            }
            try await group.waitForAll()
        }
        let root = try await one.verifyContinuation()
        #expect(root == server.ledger.root)
        for client in [writer, one, two] { await client.close() }
        await server.stop()
    }

    @Test(
        "refuses a server without an identity, or with an invalid one",
        arguments: [nil, "../../etc", "a b"])
    func identities(text: String?) async throws {
        let server = try await LyingServer.start(TestLedger(count: 1), identity: text)
        await #expect(throws: ClientError(.incompatible, "")) {
            try await connect(server, InMemoryTrustedRootStore())
        }
        await server.stop()
    }

    @Test("distinguishes another server behind the same address from tampering")
    func otherServer() async throws {
        let first = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(first, InMemoryTrustedRootStore())
        _ = try await client.verifiedGet("key1")
        let port = first.port
        await first.stop()
        let second = try await LyingServer.start(
            TestLedger(count: 2, salt: "!"), identity: "00000000000000000000", port: port)
        await #expect(throws: ClientError(.serverChanged, "")) {
            try await eventually { try await client.verifiedGet("key1") }
        }
        await client.close()
        await second.stop()
    }

    @Test("fails within seconds and names the address if there is no server")
    func noServer() async throws {
        // A port that nobody listens on, and that no other test gets meanwhile.
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        try #require(isBound)
        let port = Int(UInt16(bigEndian: address.sin_port))
        let error = await #expect(throws: ClientError.self) {
            try await ImmudbClient.connect(
                ImmudbClient.Configuration(port: port), trustedRoots: InMemoryTrustedRootStore(),
                firstContact: .trustOnFirstUse)
        }
        #expect(error?.code == .unavailable)
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
    }

    /// Repeats a call while the connection is being made again.
    private func eventually<R: Sendable>(
        _ body: @Sendable () async throws -> R
    ) async throws -> R {
        for _ in 0..<50 {
            do {
                return try await body()
            } catch let error as ClientError where error.code == .unavailable {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        return try await body()
    }
}
