import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import RPCTransport
import Testing

/// A write that may have been stored is never reported like one that failed.
@Suite("The outcome of a write")
struct WriteOutcomeTests {
    typealias Call = @Sendable (ImmudbClient) async throws -> Void

    private static let (key, value) = ([UInt8]("key".utf8), [UInt8]("value".utf8))

    static let writes: [(name: String, call: Call)] = [
        ("set", { _ = try await $0.set(key, value) }),
        ("set of texts", { _ = try await $0.set("key", "value") }),
        ("rawSet", { _ = try await $0.rawSet(key, value) }),
        ("setBatch", { _ = try await $0.setBatch([(key, value)]) }),
        ("rawSetBatch", { _ = try await $0.rawSetBatch([(key, value)]) }),
        ("reference", { _ = try await $0.reference(value, to: key) }),
        ("zAdd", { _ = try await $0.zAdd(key, to: value, score: 1) }),
        ("verifiedSet", { _ = try await $0.verifiedSet(key, value) }),
        ("verifiedSet of texts", { _ = try await $0.verifiedSet("key", "value") }),
        ("verifiedRawSet", { _ = try await $0.verifiedRawSet(key, value) }),
        ("verifiedSetBatch", { _ = try await $0.verifiedSetBatch([(key, value)]) }),
        ("verifiedRawSetBatch", { _ = try await $0.verifiedRawSetBatch([(key, value)]) }),
        ("verifiedReference", { _ = try await $0.verifiedReference(value, to: key) }),
        ("verifiedZAdd", { _ = try await $0.verifiedZAdd(key, to: value, score: 1) }),
        ("createUser", { try await $0.createUser("joe", password: "Passw0rd!") }),
        ("changePassword", { try await $0.changePassword(of: "joe", from: "a", to: "b") }),
        ("deleteUser", { try await $0.deleteUser("joe") }),
    ]

    static let reads: [(name: String, call: Call)] = [
        ("get", { _ = try await $0.get(key) }),
        ("getBatch", { _ = try await $0.getBatch([key]) }),
        ("history", { _ = try await $0.history(of: key) }),
        ("entry", { _ = try await $0.entry(at: EntryIndex(0)) }),
        ("count", { _ = try await $0.count(prefix: key) }),
        ("verifiedGet", { _ = try await $0.verifiedGet(key) }),
        ("verifiedEntry", { _ = try await $0.verifiedEntry(at: EntryIndex(0)) }),
    ]

    /// Runs a body with a client that trusts the empty tree of the server already.
    private func withClient(
        of server: UncertainServer, callTimeoutMilliseconds: Int = 30_000,
        _ body: (ImmudbClient) async throws -> Void
    ) async throws {
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(
                port: server.port, callTimeoutMilliseconds: callTimeoutMilliseconds),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trust(.empty))
        _ = try await client.trustedRoot()
        try await body(client)
        await client.close()
    }

    private func error(_ client: ImmudbClient, _ call: Call) async throws -> ClientError {
        try #require(await #expect(throws: ClientError.self) { try await call(client) })
    }

    /// Makes each call of a list on a connection of its own, and hands its error to a check.
    private func each(
        _ calls: [(name: String, call: Call)], _ behaviour: UncertainServer.Behaviour,
        _ check: (ClientError, Comment) -> Void
    ) async throws {
        let isSilent = if case .silence = behaviour { true } else { false }
        // All at once: a silent server keeps each until its deadline, which leaves time to connect.
        let errors = try await withThrowingTaskGroup(of: (String, ClientError).self) { group in
            for (name, call) in calls {
                group.addTask {
                    let server = try await UncertainServer.start()
                    var found: ClientError?
                    try await withClient(
                        of: server, callTimeoutMilliseconds: isSilent ? 10_000 : 120_000
                    ) {
                        server.behave(behaviour)
                        found = try await error($0, call)
                        // Two would be stored twice.
                        #expect(server.requestCount <= 1, "\(name), \(behaviour)")
                    }
                    await server.stop()
                    return (name, try #require(found))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for (name, error) in errors { check(error, "\(name), \(behaviour)") }
    }

    @Test(
        "is unknown when the request was sent and no answer says that nothing was stored",
        arguments: [
            .status(.internalError), .status(.deadlineExceeded), .status(.cancelled),
            .status(.dataLoss), .anonymousStatus(.unavailable),
            .anonymousStatus(.resourceExhausted), .garbage, .silence, .closedAtHeaders, .closed,
            .reset(2), .reset(8),
        ] as [UncertainServer.Behaviour])
    func unknown(_ behaviour: UncertainServer.Behaviour) async throws {
        try await each(Self.writes, behaviour) { error, comment in
            #expect(error.code == .outcomeUnknown, comment)
            #expect(error.cause is ClientError, comment)
            #expect(error.message.contains("look before you write it again"), comment)
        }
        try await each(Self.reads, behaviour) { error, comment in
            #expect(error.code != .outcomeUnknown, comment)
        }
    }

    @Test(
        "is failure when the server says so, or certainly did not process the request",
        arguments: [
            (.status(.unavailable), .unavailable), (.status(.resourceExhausted), .refused),
            (.status(.invalidArgument), .refused), (.anonymousStatus(.unauthenticated), .refused),
            (.status(.notFound), .notFound), (.status(.unimplemented), .incompatible),
            (.statusOfOtherServer(.unavailable), .serverChanged),
            (.bareStatusOfOtherServer(.unavailable), .serverChanged),
            (.reset(7), .unavailable), (.goAway, .unavailable),
        ] as [(UncertainServer.Behaviour, ClientError.Code)])
    func failure(_ behaviour: UncertainServer.Behaviour, _ code: ClientError.Code) async throws {
        try await each(Self.writes, behaviour) { error, comment in
            #expect(error.code == code, comment)
        }
    }

    @Test("is failure when no server accepts the connection")
    func noServer() async throws {
        let server = try await UncertainServer.start()
        try await withClient(of: server) { client in
            await server.stop()
            // Until the client has seen that the old connection is gone.
            var seen = ""
            while !seen.contains("cannot connect") {
                seen = try await error(client) { _ = try await $0.health() }.message
            }
            for (name, call) in Self.writes + Self.reads {
                let error = try await error(client, call)
                #expect(error.code == .unavailable, "\(name)")
            }
        }
    }

    @Test("is unknown when the task is cancelled after the request was sent, and failure before")
    func cancelled() async throws {
        for (name, call) in Self.writes {
            let server = try await UncertainServer.start()
            try await withClient(of: server) { client in
                server.behave(.silence)
                let late = Task { try await call(client) }
                while server.requestCount == 0 { try await Task.sleep(for: .milliseconds(2)) }
                late.cancel()
                await #expect(throws: ClientError(.outcomeUnknown, ""), "\(name)") {
                    try await late.value
                }
                let early = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await call(client)
                }
                await #expect(throws: ClientError(.cancelled, ""), "\(name)") {
                    try await early.value
                }
                #expect(server.requestCount == 1, "\(name)")
            }
            await server.stop()
        }
    }

    @Test("is unknown when another server has acknowledged it, which is the cause")
    func otherServer() async throws {
        try await each(Self.writes, .otherServer) { error, comment in
            #expect(error.code == .outcomeUnknown, comment)
            #expect(error.cause as? ClientError == ClientError(.serverChanged, ""), comment)
        }
    }

    @Test("is unknown when a batch is acknowledged and its proofs do not arrive")
    func unprovenBatch() async throws {
        let server = try await UncertainServer.start()
        try await withClient(of: server) { client in
            server.behave(.status(.unavailable), [ImmuService.setBatch: .acknowledged(0)])
            let error = try await error(client) {
                _ = try await $0.verifiedSetBatch([(Self.key, Self.value)])
            }
            #expect(error.code == .outcomeUnknown)
            #expect(error.cause as? ClientError == ClientError(.unavailable, ""))
        }
        await server.stop()
    }

    @Test("is unknown when the entry is proven and the new root cannot be stored")
    func lostRoot() async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: FullStore(),
            firstContact: .trustOnFirstUse)
        let failed = try await error(client) { try await $0.verifiedSet("key", "value") }
        #expect(failed.code == .outcomeUnknown)
        #expect(failed.cause as? ClientError == ClientError(.trustedRootUnusable, ""))
        #expect(server.ledger.size == TreeSize(4))
        // A read is only not verified.
        let read = try await error(client) { _ = try await $0.verifiedGet("key1") }
        #expect(read.code == .trustedRootUnusable)
        await client.close()
        await server.stop()
    }

    @Test("is a failed verification when the answer proves nothing")
    func unproven() async throws {
        let server = try await LyingServer.start(TestLedger(count: 3))
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        server.change { $0.alterWrite = { $0.leaf[3] ^= 1 } }
        await #expect(throws: VerificationError(.leafMismatch, "")) {
            try await client.verifiedSet("key", "value")
        }
        await client.close()
        await server.stop()
    }

    @Test("covers all methods of the wire that append entries, and no other")
    func methods() {
        let names = ImmuService.methods.filter { ImmuService.writes.contains($0.path) }.map(\.name)
        #expect(
            Set(names) == [
                "Set", "SetSV", "SafeSet", "SafeSetSV", "SetBatch", "SetBatchSV", "Reference",
                "SafeReference", "ZAdd", "SafeZAdd", "CreateUser", "ChangePassword",
                "DeleteUser",
            ])
    }
}

/// Takes the first root and no other, as on a full disk.
private actor FullStore: TrustedRootStore {
    private var root: TrustedRoot?

    func trustedRoot(of server: ServerIdentity) -> TrustedRoot? { root }

    func establish(_ root: TrustedRoot, of server: ServerIdentity) -> TrustedRoot {
        self.root = root
        return root
    }

    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) throws -> TrustedRoot {
        guard root != base else { return base }
        throw ClientError(.trustedRootUnusable, "the disk is full")
    }
}
