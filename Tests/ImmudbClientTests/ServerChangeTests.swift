import Foundation
import ImmudbClient
import LyingServer
import TestTools
import Testing

/// A server whose folder was replaced has another identity, and the same address.
@Suite("Another server at an address where one was trusted")
struct ServerChangeTests {
    private static let newIdentity = "00000000000000000000"
    private let folder = TemporaryFolder()

    /// A store as a new process has it.
    private var roots: FileTrustedRootStore { FileTrustedRootStore(directory: folder.path) }

    private var knownServers: String? {
        try? String(contentsOfFile: folder.file("known-servers").path, encoding: .utf8)
    }

    private func connect(
        _ port: Int, _ firstContact: ImmudbClient.FirstContact = .trustOnFirstUse,
        expecting: ServerIdentity? = nil
    ) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: port), trustedRoots: roots,
            firstContact: firstContact, expecting: expecting)
    }

    /// Trusts a server, which another one then replaces.
    private func replacedServer() async throws -> LyingServer {
        let first = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(first.port)
        _ = try await client.verifiedGet("key1")
        await client.close()
        let port = first.port
        await first.stop()
        return try await LyingServer.start(
            TestLedger(count: 2, salt: "!"), identity: Self.newIdentity, port: port)
    }

    @Test("is refused by a new process, whatever it does at first contact")
    func refused() async throws {
        let server = try await replacedServer()
        let policies: [ImmudbClient.FirstContact] = [
            .trustOnFirstUse, .refuse, .trust(server.ledger.root),
            .ask { _, _ in
                Issue.record("nobody is asked about it")
                return true
            },
        ]
        for policy in policies {
            let error = try #require(
                await #expect(throws: ClientError.self) {
                    try await connect(server.port, policy)
                })
            #expect(error.code == .serverChanged)
            let change = try #require(error.cause as? ServerChange)
            #expect(change.origin == .trustedAtAddress)
            #expect(change.address == "127.0.0.1:\(server.port)")
            #expect(change.known.text == LyingServer.identityText)
            #expect(change.found == Self.newIdentity)
            #expect(error.message.contains("its folder was replaced, or somebody forges it"))
            #expect(error.message.contains("ask its operator"))
            #expect(!error.message.contains("connect again"))
        }
        await server.stop()
    }

    @Test("replaces the trusted one once the caller has named it")
    func named() async throws {
        let server = try await replacedServer()
        let identity = ServerIdentity(Self.newIdentity)
        let first = try await connect(server.port, expecting: identity)
        _ = try await first.verifiedGet("key1")
        await first.close()
        let second = try await connect(server.port, .refuse)
        _ = try await second.verifiedGet("key1")
        await second.close()
        await #expect(throws: ClientError(.serverChanged, "")) {
            try await connect(
                server.port, expecting: ServerIdentity(LyingServer.identityText))
        }
        await server.stop()
    }

    @Test("is known by the root alone if an earlier release kept no addresses")
    func noAddresses() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let identity = try #require(ServerIdentity(LyingServer.identityText))
        try await roots.establish(server.ledger.root, of: identity)
        let client = try await connect(server.port, .refuse)
        await client.close()
        #expect(knownServers == "\n127.0.0.1:\(server.port) \(identity)\n")
        await server.stop()
    }

    @Test("is distinguished from one that was not trusted yet")
    func nothingTrusted() async throws {
        let server = try await LyingServer.start(TestLedger(count: 4))
        let client = try await connect(server.port, .ask { _, _ in false })
        _ = try await client.entry(at: EntryIndex(1))
        await #expect(throws: ClientError(.firstContactRefused, "")) {
            try await client.verifiedGet("key1")
        }
        await client.close()
        #expect(knownServers == nil)
        let port = server.port
        await server.stop()
        let other = try await LyingServer.start(
            TestLedger(count: 2), identity: Self.newIdentity, port: port)
        let second = try await connect(port)
        _ = try await second.verifiedGet("key1")
        await second.close()
        await other.stop()
    }

    @Test("is not accepted because of a damaged file")
    func damagedFile() async throws {
        let server = try await replacedServer()
        _ = try folder.write("known-servers", "127.0.0.1:\(server.port) \n")
        let error = await #expect(throws: ClientError.self) { try await connect(server.port) }
        #expect(error?.code == .trustedRootUnusable)
        #expect(error?.message.contains("restore the file") == true)
        await server.stop()
    }

    @Test("is noticed by a store in memory, too, while the process runs")
    func inMemory() async throws {
        let roots = InMemoryTrustedRootStore()
        var server = try await LyingServer.start(TestLedger(count: 4))
        let port = server.port
        func connect() async throws -> ImmudbClient {
            try await ImmudbClient.connect(
                ImmudbClient.Configuration(port: port), trustedRoots: roots,
                firstContact: .trustOnFirstUse)
        }
        let client = try await connect()
        _ = try await client.verifiedGet("key1")
        await client.close()
        await server.stop()
        server = try await LyingServer.start(
            TestLedger(count: 2), identity: Self.newIdentity, port: port)
        await #expect(throws: ClientError(.serverChanged, "")) { try await connect() }
        await server.stop()
    }
}
