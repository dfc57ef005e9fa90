import Foundation
import ImmudbClient
import LyingServer
import MerkleTree
import TestTools
import Testing

/// Every verified call of the client.
enum VerifiedCall: String, CaseIterable, Sendable {
    case set, rawSet, setBatch, get, getByReference, reference, zAdd, entryAtIndex, verifyEntry
    case receipt, verifyReceipt, continuation, inclusion

    /// Whether the call would notice a lie if it looked well.
    func concerns(_ lie: Lie) -> Bool {
        switch self {
        case .continuation: lie.isAboutTree
        case .verifyReceipt:
            // It brings its own proof, and asks for the consistency only.
            lie.isAboutTree
        default: true
        }
    }

    func make(_ client: ImmudbClient, _ ledger: TestLedger) async throws {
        let key5 = Array("key5".utf8)
        switch self {
        case .set: try await client.verifiedSet("new", "value")
        case .rawSet: try await client.verifiedRawSet(Array("new".utf8), [0xff])
        case .setBatch:
            try await client.verifiedSetBatch([(Array("a".utf8), [1]), (Array("b".utf8), [2])])
        case .get: _ = try await client.verifiedGet(key5)
        case .getByReference: _ = try await client.verifiedGet("name")
        case .reference: try await client.verifiedReference(Array("other".utf8), to: key5)
        case .zAdd: try await client.verifiedZAdd(key5, to: Array("set".utf8), score: -1.5)
        case .entryAtIndex: _ = try await client.verifiedEntry(at: EntryIndex(5))
        case .verifyEntry: _ = try await client.verify(ledger.entries[5])
        case .receipt: _ = try await client.receipt(of: key5)
        case .verifyReceipt:
            let identity = try #require(ServerIdentity(LyingServer.identityText))
            let receipt = Receipt(
                server: identity, entry: ledger.entries[5], root: ledger.root,
                path: ledger.inclusionProof(of: EntryIndex(5)).path)
            _ = try await client.verify(receipt)
        case .continuation: try await client.verifyContinuation()
        case .inclusion:
            // It trusts nothing by itself.
            _ = try await client.trustedRoot()
            let checked = try await client.checkedInclusion(of: EntryIndex(5))
            #expect(checked.isTreeTrusted == (checked.failure == nil))
            if let failure = checked.failure { throw failure }
        }
    }
}

@Suite("Every verified call against every lie")
struct EveryLieTests {
    private let folder: TemporaryFolder
    private let honest: TestLedger
    private let trusted: TrustedRoot

    init() throws {
        folder = TemporaryFolder()
        var ledger = TestLedger(count: 12)
        _ = ledger.appendReference(Array("name".utf8), to: Array("key5".utf8))
        honest = ledger
        trusted = honest.root(of: TreeSize(7))
    }

    private func root() throws -> Data {
        try Data(
            contentsOf: URL(fileURLWithPath: "\(folder.path)/.root-\(LyingServer.identityText)"))
    }

    private func connect(_ server: LyingServer) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: folder.path),
            firstContact: .trust(trusted))
    }

    @Test(
        "fails verification, and keeps the trusted root",
        arguments: VerifiedCall.allCases)
    func lies(call: VerifiedCall) async throws {
        let server = try await LyingServer.start(honest)
        for lie in Lie.allCases where call.concerns(lie) {
            let client = try await connect(server)
            _ = try await client.trustedRoot()
            let before = try root()
            let honest = honest
            server.change {
                $0 = LyingServer.State(ledger: honest)
                lie.tell(&$0)
            }
            await #expect(throws: VerificationError.self, "\(call.rawValue), \(lie.rawValue)") {
                try await call.make(client, honest)
            }
            #expect(try root() == before, "\(call.rawValue), \(lie.rawValue)")
            await client.close()
        }
        await server.stop()
    }

    @Test("verifies the truth, and moves the trusted root", arguments: VerifiedCall.allCases)
    func truth(call: VerifiedCall) async throws {
        let server = try await LyingServer.start(honest)
        let client = try await connect(server)
        try await call.make(client, honest)
        #expect(try await client.trustedRoot() == server.ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("detects two histories shown to overlapping calls before the second one returns")
    func forkBetweenCalls() async throws {
        let server = try await LyingServer.start(honest)
        let client = try await connect(server)
        let trusted = try await client.trustedRoot()
        // Both calls send the same trusted root; each answer alone continues it.
        server.change {
            $0.writesToGather = 2
            $0.forksNextWrite = true
        }
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<2 {
                group.addTask {
                    do {
                        _ = try await client.verifiedSet("new \(number)", "value")
                        return true
                    } catch let error as VerificationError {
                        #expect(error.code == .consistencyFailed || error.code == .treeShrank)
                        return false
                    } catch {
                        Issue.record("\(error)")
                        return false
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter(\.self).count == 1)
        // What is trusted is one of the histories, and it continues what was trusted.
        let now = try await client.trustedRoot()
        #expect(now.size > trusted.size)
        await client.close()
        await server.stop()
    }
}
