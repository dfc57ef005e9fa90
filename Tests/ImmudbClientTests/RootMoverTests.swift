import LyingServer
import MerkleTree
import Synchronization
import Testing

@testable import ImmudbClient

@Suite("A round in which the trusted root is moved for several calls")
struct RootMoverTests {
    private let ledger = TestLedger(count: 13)
    /// Continues the ledger with one entry.
    private let honest: TestLedger
    private let written: Entry
    /// Continues the ledger with two other entries.
    private let fork: TestLedger

    init() {
        var honest = ledger
        written = honest.append(Array("new".utf8), Array("value".utf8))
        self.honest = honest
        var fork = ledger
        fork.append(Array("another".utf8), Array("history".utf8))
        fork.append(Array("new".utf8), Array("value".utf8))
        self.fork = fork
    }

    /// Runs a body with a client that trusts the ledger, and whose moves wait for a round.
    private func withClient(
        _ store: GatedStore, _ body: (ImmudbClient, RootMover) async throws -> Void
    ) async throws {
        let server = try await LyingServer.start(ledger)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: store,
            firstContact: .trustOnFirstUse)
        #expect(try await client.trustedRoot() == ledger.root)
        let mover = client.linker.mover
        for _ in 0..<8 { mover.beginWrite() }
        try await body(client, mover)
        for _ in 0..<8 { mover.endWrite() }
        await client.close()
        await server.stop()
    }

    @Test("proves no two histories, although another call moves the root while it is read")
    func movedWhileRead() async throws {
        for isKnown in [true, false] {
            let store = GatedStore()
            try await withClient(store) { client, mover in
                let proof = honest.proof(of: written, since: ledger.size)
                mover.note(proof, of: written.index)
                store.close()
                // A first round, in which the others are gathered for a second one.
                let first = Task {
                    try await mover.move(
                        to: ledger.root, from: ledger.root, by: nil, for: client)
                }
                try await store.waitForReads(1)
                let one = Task {
                    try await mover.move(
                        to: honest.root, from: ledger.root, by: proof, for: client)
                }
                let other = Task {
                    try await mover.move(to: fork.root, from: ledger.root, by: nil, for: client)
                }
                while mover.waitingCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
                store.permit(1)
                #expect(try await first.value == ledger.root)
                try await store.waitForReads(2)
                // A proof of the server, or another process.
                _ = try store.roots.advance(
                    from: ledger.root, to: fork.root, of: client.identity)
                if isKnown { client.linker.remember(fork.root) }
                store.permit(.max)
                #expect(try await one.value == nil)
                #expect(try await other.value == fork.root)
            }
        }
    }

    @Test("does not move the root to a tree that continues an older root, and not the trusted one")
    func otherBase() async throws {
        let store = GatedStore()
        try await withClient(store) { client, mover in
            _ = try store.roots.advance(from: ledger.root, to: honest.root, of: client.identity)
            client.linker.remember(honest.root)
            #expect(
                try await mover.move(to: fork.root, from: ledger.root, by: nil, for: client)
                    == nil)
            #expect(try await client.trustedRoot() == honest.root)
        }
    }
}

/// A store whose reads, once it is closed, wait for a permit after they have read.
private final class GatedStore: TrustedRootStore {
    private struct State {
        var isClosed = false
        var readCount = 0
        var permitCount = 0
    }

    let roots = InMemoryTrustedRootStore()
    private let state = Mutex(State())

    func close() { state.withLock { $0.isClosed = true } }
    func permit(_ count: Int) { state.withLock { $0.permitCount = count } }

    func waitForReads(_ count: Int) async throws {
        while state.withLock({ $0.readCount < count }) {
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    func trustedRoot(of server: ServerIdentity) async throws -> TrustedRoot? {
        let root = roots.trustedRoot(of: server)
        let number = state.withLock { state -> Int in
            guard state.isClosed else { return 0 }
            state.readCount += 1
            return state.readCount
        }
        while state.withLock({ $0.permitCount < number }) {
            try await Task.sleep(for: .milliseconds(1))
        }
        return root
    }

    func establish(_ root: TrustedRoot, of server: ServerIdentity) -> TrustedRoot {
        roots.establish(root, of: server)
    }

    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) throws -> TrustedRoot {
        try roots.advance(from: base, to: root, of: server)
    }
}
