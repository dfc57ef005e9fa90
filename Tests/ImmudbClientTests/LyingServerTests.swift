import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import SwiftProtobuf
import TestTools
import Testing

@Suite("A client of a lying server")
struct LyingServerTests {
    private let folder: TemporaryFolder
    private let honest = TestLedger(count: 13)
    private let trusted: TrustedRoot

    init() throws {
        folder = TemporaryFolder()
        trusted = honest.root(of: TreeSize(7))
    }

    private var rootFile: URL {
        URL(fileURLWithPath: "\(folder.path)/.root-\(LyingServer.identityText)")
    }

    /// Runs `body` with a client that trusts `trusted`, and checks that the root file is afterwards
    /// as it was.
    private func expectRootStays(
        _ change: @Sendable (inout LyingServer.State) -> Void,
        _ body: (ImmudbClient) async throws -> Void
    ) async throws {
        let server = try await LyingServer.start(honest)
        let client = try await connect(server, .trust(trusted))
        _ = try await client.trustedRoot()
        let before = try Data(contentsOf: rootFile)
        server.change(change)
        try await body(client)
        #expect(try Data(contentsOf: rootFile) == before)
        await client.close()
        await server.stop()
    }

    private func connect(
        _ server: LyingServer, _ firstContact: ImmudbClient.FirstContact
    ) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: folder.path), firstContact: firstContact)
    }

    @Test("verifies an honest server's answers, and moves the trusted root to the newest tree")
    func honestServer() async throws {
        let server = try await LyingServer.start(honest)
        let client = try await connect(server, .trust(trusted))
        let read = try await client.verifiedGet("key5")
        #expect(read.value == honest.entries[5])
        #expect(read.root == honest.root)
        #expect(try Data(contentsOf: rootFile).count == 36)
        let written = try await client.verifiedSet("new", "value")
        #expect(written.value.index == EntryIndex(13))
        #expect(written.value.content?.payload == Array("value".utf8))
        let now = try await client.trustedRoot()
        #expect(now == server.ledger.root)
        await client.close()

        // The next client starts from the file.
        let next = try await connect(server, .refuse)
        let again = try await next.verifiedGet("new")
        #expect(again.value == written.value)
        await next.close()
        await server.stop()
    }

    @Test("detects another value, index or key than the proven one")
    func otherItems() async throws {
        try await expectRootStays({ $0.alterRead = { $0.item.value.append(0x21) } }) { client in
            await #expect(throws: VerificationError(.leafMismatch, "")) {
                try await client.verifiedGet("key5")
            }
        }
        try await expectRootStays({ $0.alterRead = { $0.item.index = 4 } }) { client in
            await #expect(throws: VerificationError(.wrongIndex, "")) {
                try await client.verifiedGet("key5")
            }
        }
        try await expectRootStays({ $0.alterRead = { $0.item.key = Data("key6".utf8) } }) {
            client in
            await #expect(throws: VerificationError(.leafMismatch, "")) {
                try await client.verifiedGet("key5")
            }
        }
    }

    @Test("does not take another entry with its true proof for the requested key's")
    func otherEntry() async throws {
        let honest = honest
        let other = honest.entries[6]
        let since = trusted.size
        try await expectRootStays({
            $0.alterRead = {
                $0.item.key = Data(other.key)
                $0.item.value = Data(other.value)
                $0.item.index = other.index.rawValue
                $0.proof = Immudb_Schema_Proof(honest.proof(of: other, since: since))
            }
        }) { client in
            await #expect(throws: VerificationError(.wrongKey, "")) {
                try await client.verifiedGet("key5")
            }
        }
    }

    @Test("proves the entry of a read by a reference, and the reference itself")
    func followedReference() async throws {
        var ledger = honest
        let reference = ledger.appendReference(Array("name".utf8), to: Array("key5".utf8))
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server, .trust(trusted))
        let read = try await client.verifiedGet("name")
        #expect(read.value == ledger.entries[5])
        #expect(read.reference == reference)
        #expect(try await client.verifiedGet("key5").reference == nil)
        #expect(try await client.trustedRoot() == ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("never takes another key's entry as the answer because of a lie about a reference")
    func liesAboutReferences() async throws {
        let other = honest.entries[6]
        let honest = honest
        let since = trusted.size
        // It answers with another key's entry and its true proof, and then has to explain that.
        func expectFailure(_ explain: @escaping @Sendable (inout LyingServer.State) -> Void)
            async throws
        {
            try await expectRootStays({ state in
                state.alterRead = {
                    $0.item.key = Data(other.key)
                    $0.item.value = Data(other.value)
                    $0.item.index = other.index.rawValue
                    $0.proof = Immudb_Schema_Proof(honest.proof(of: other, since: since))
                }
                explain(&state)
            }) { client in
                await #expect(throws: VerificationError.self) {
                    try await client.verifiedGet("key5")
                }
            }
        }
        let forged = Immudb_Schema_ItemList.with {
            $0.items = [
                .with {
                    $0.key = Data("key5".utf8)
                    $0.value = Data("key6".utf8)
                    $0.index = 5
                }
            ]
        }
        let leaf = Entry(
            index: EntryIndex(5), key: Array("key5".utf8), value: Array("key6".utf8)
        ).leaf
        try await expectFailure { $0.alterHistory = { $0.items = [] } }
        try await expectFailure { $0.alterHistory = { $0.items[0].key = Data("key6".utf8) } }
        try await expectFailure { $0.alterHistory = { $0 = forged } }
        try await expectFailure {
            $0.alterHistory = { $0 = forged }
            $0.alterInclusion = { $0.leaf = Data(leaf.bytes) }
        }
        try await expectFailure {
            $0.alterHistory = { $0 = forged }
            $0.alterInclusion = {
                // A tree in which the forged entry is: it does not continue the trusted one.
                $0.leaf = Data(leaf.bytes)
                $0.root = Data(leaf.bytes)
                $0.path = []
            }
        }
    }

    @Test("verifies new references and members, and moves the trusted root")
    func verifiedReferences() async throws {
        let server = try await LyingServer.start(honest)
        let client = try await connect(server, .trust(trusted))
        let reference = try await client.verifiedReference(
            Array("name".utf8), to: Array("key5".utf8))
        #expect(reference.value.key == Array("name".utf8))
        let member = try await client.verifiedZAdd(
            Array("key5".utf8), to: Array("set".utf8), score: 1.5)
        #expect(
            member.value.key == Array("set".utf8) + [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]
                + Array("key5".utf8))
        #expect(try await client.trustedRoot() == server.ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("refuses an answer without an item or a proof")
    func emptyAnswer() async throws {
        try await expectRootStays({ $0.alterRead = { $0 = Immudb_Schema_SafeItem() } }) { client in
            await #expect(throws: VerificationError.self) { try await client.verifiedGet("key5") }
        }
    }

    @Test("detects a pretended write with the proof of an older, equal entry")
    func ignoredWrite() async throws {
        try await expectRootStays({ $0.ignoresWrites = true }) { client in
            await #expect(throws: VerificationError(.wrongIndex, "")) {
                try await client.verifiedRawSet(Array("key5".utf8), Array("value5".utf8))
            }
        }
    }

    @Test(
        "detects a tree that shrank, whether the server admits it or not",
        arguments: [true, false])
    func shrunk(admits: Bool) async throws {
        try await expectRootStays({
            $0.ledger.removeLast(8)
            $0.acceptsAnyRootIndex = !admits
        }) { client in
            await #expect(throws: VerificationError(.treeShrank, "")) {
                try await client.verifiedGet("key2")
            }
            await #expect(throws: VerificationError(.treeShrank, "")) {
                try await client.verifiedSet("new", "value")
            }
            // A key that was there and is gone: the server's "not found" is not simply believed.
            let error = await #expect(throws: VerificationError.self) {
                try await client.verifiedGet("key12")
            }
            #expect(error == VerificationError(.treeShrank, ""))
            await #expect(throws: VerificationError(.treeShrank, "")) {
                try await client.verifyContinuation()
            }
        }
    }

    @Test(
        "detects another history, whether it is shorter, equally long or longer",
        arguments: [7, 13, 20])
    func fork(count: Int) async throws {
        try await expectRootStays({ $0.ledger = TestLedger(count: count, salt: "!") }) { client in
            await #expect(throws: VerificationError(.consistencyFailed, "")) {
                try await client.verifiedGet("key5")
            }
            await #expect(throws: VerificationError(.consistencyFailed, "")) {
                try await client.verifyContinuation()
            }
            await #expect(throws: VerificationError(.consistencyFailed, "")) {
                try await client.verifiedGet("missing")
            }
            await #expect(throws: VerificationError(.consistencyFailed, "")) {
                try await client.verifiedSet("new", "value")
            }
        }
    }

    @Test("detects lies in a consistency proof")
    func consistencyLies() async throws {
        let lies: [@Sendable (inout Immudb_Schema_ConsistencyProof) -> Void] = [
            { $0.path.removeLast() }, { $0.path.append(Data(repeating: 1, count: 32)) },
            { $0.path[0][5] ^= 1 }, { $0.path[0].removeLast() }, { $0.first += 1 },
            { $0.second = .max }, { $0.secondRoot = Data(repeating: 1, count: 32) },
            { $0.secondRoot = Data() }, { $0 = Immudb_Schema_ConsistencyProof() },
        ]
        for lie in lies {
            try await expectRootStays({ $0.alterConsistency = lie }) { client in
                await #expect(throws: VerificationError.self) {
                    try await client.verifyContinuation()
                }
            }
        }
    }

    @Test("holds the server to its history even for a missing key")
    func notFound() async throws {
        let server = try await LyingServer.start(honest)
        let client = try await connect(server, .trust(trusted))
        let error = await #expect(throws: ClientError.self) {
            try await client.verifiedGet("missing")
        }
        #expect(error?.code == .notFound)
        #expect(
            error?.description
                == "rpc error: code = NotFound desc = Key not found: there is no key \"missing\"")
        let now = try await client.trustedRoot()
        #expect(now == honest.root)
        await client.close()
        await server.stop()
    }
}
