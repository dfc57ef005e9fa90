import Crypto
import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import SwiftProtobuf
import TestTools
import Testing

@Suite("A client with a pinned key")
struct PinnedKeyTests {
    private let folder = TemporaryFolder()
    private let key = P256.Signing.PrivateKey()
    private let roots = InMemoryTrustedRootStore()
    private let identity = ServerIdentity(LyingServer.identityText)!

    private func connect(_ server: LyingServer, pinned: Bool = true) async throws -> ImmudbClient {
        var configuration = ImmudbClient.Configuration(port: server.port)
        configuration.evidenceDirectory = folder.path
        if pinned {
            configuration.signingKey = try RootPublicKey(pem: key.publicKey.pemRepresentation)
        }
        return try await ImmudbClient.connect(
            configuration, trustedRoots: roots, firstContact: .trustOnFirstUse)
    }

    @Test("meets a server whose root is signed, follows it, and has the signatures")
    func signed() async throws {
        let server = try await LyingServer.start(TestLedger(count: 5))
        server.change { $0.sign(with: key) }
        let client = try await connect(server)
        #expect(try await client.verifyContinuation() == server.ledger.root)
        server.change { $0.ledger.append([1], [2]) }
        #expect(try await client.verifyContinuation() == server.ledger.root)
        #expect(roots.trustedRoot(of: identity) == server.ledger.root)
        let shown = try await client.signedRoot()
        #expect(shown.root == server.ledger.root)
        #expect(shown.signature?.publicKey == [UInt8](key.publicKey.x963Representation))
        _ = try await client.verifiedGet("key1")
        await client.close()
        await server.stop()
    }

    @Test("also follows a server that was empty at first")
    func empty() async throws {
        let server = try await LyingServer.start(TestLedger())
        server.change { $0.sign(with: key) }
        let client = try await connect(server)
        #expect(try await client.verifyContinuation() == .empty)
        server.change { $0.ledger = TestLedger(count: 3) }
        #expect(try await client.verifyContinuation() == server.ledger.root)
        await client.close()
        await server.stop()
    }

    enum Forgery: CaseIterable, Sendable {
        case none, otherKey, itsOwnKeyUnderThePinnedOne, otherRoot, noDER, empty

        func tell(_ state: inout LyingServer.State, _ key: P256.Signing.PrivateKey) {
            state.sign(with: key)
            let sign = state.alterRoot
            let other = P256.Signing.PrivateKey()
            state.alterRoot = { root in
                sign?(&root)
                switch self {
                case .none: root.clearSignature()
                case .otherKey, .itsOwnKeyUnderThePinnedOne:
                    var payload = root
                    payload.clearSignature()
                    let bytes = (try? payload.serializedData()) ?? Data()
                    root.signature.signature =
                        (try? other.signature(for: bytes).derRepresentation) ?? Data()
                    if self == .otherKey {
                        root.signature.publicKey = other.publicKey.x963Representation
                    }
                case .otherRoot: root.root = Data(repeating: 7, count: 32)
                case .noDER: root.signature.signature.removeLast()
                case .empty: root.signature = .init()
                }
            }
        }
    }

    @Test(
        "refuses every other signature with evidence, and leaves the trusted root where it is",
        arguments: Forgery.allCases)
    func forged(_ forgery: Forgery) async throws {
        let server = try await LyingServer.start(TestLedger(count: 5))
        server.change { $0.sign(with: key) }
        let client = try await connect(server)
        let trusted = try await client.verifyContinuation()
        server.change { state in
            state.ledger.append([1], [2])
            forgery.tell(&state, key)
        }
        for call in [client.verifyContinuation, client.currentRoot] {
            let error = await #expect(throws: VerificationError.self) { _ = try await call() }
            #expect(error?.code == .signatureInvalid)
            let file = try #require(error?.evidenceFile)
            #expect(try String(contentsOfFile: file, encoding: .utf8).contains("CurrentRoot"))
        }
        let (shown, failure) = try await client.checkedCurrentRoot()
        #expect(shown.root.size == TreeSize(6))
        #expect((failure as? VerificationError)?.code == .signatureInvalid)
        #expect(roots.trustedRoot(of: identity) == trusted)
        // One that pins nothing does not look at it.
        if forgery != .otherRoot {
            let other = try await connect(server, pinned: false)
            #expect(try await other.verifyContinuation() == server.ledger.root)
            await other.close()
        }
        await client.close()
        await server.stop()
    }

    @Test("trusts no unsigned root at first contact")
    func firstContact() async throws {
        let server = try await LyingServer.start(TestLedger(count: 5))
        let client = try await connect(server)
        let error = await #expect(throws: VerificationError.self) {
            _ = try await client.verifiedGet("key1")
        }
        #expect(error?.code == .signatureInvalid)
        #expect(roots.trustedRoot(of: identity) == nil)
        await client.close()
        await server.stop()
    }

    @Test("takes an old root, although its signature is valid, for a tree that shrank")
    func replayed() async throws {
        let server = try await LyingServer.start(TestLedger(count: 5))
        server.change { $0.sign(with: key) }
        let client = try await connect(server)
        var old = Immudb_Schema_Root()
        let shown = try await client.signedRoot()
        old.index = 4
        old.root = Data(shown.root.root.bytes)
        old.signature.signature = Data(shown.signature?.signature ?? [])
        old.signature.publicKey = Data(shown.signature?.publicKey ?? [])
        server.change { $0.ledger.append([1], [2]) }
        let trusted = try await client.verifyContinuation()
        let replayed = old
        server.change { $0.alterRoot = { $0 = replayed } }
        let error = await #expect(throws: VerificationError.self) {
            try await client.verifyContinuation()
        }
        #expect(error?.code == .treeShrank)
        #expect(roots.trustedRoot(of: identity) == trusted)
        await client.close()
        await server.stop()
    }

    @Test("refuses a tree that is signed and does not continue the trusted one")
    func signedFork() async throws {
        let server = try await LyingServer.start(TestLedger(count: 5))
        server.change { $0.sign(with: key) }
        let client = try await connect(server)
        let trusted = try await client.verifyContinuation()
        server.change { $0.ledger = TestLedger(count: 8, salt: "!") }
        let error = await #expect(throws: VerificationError.self) {
            try await client.verifyContinuation()
        }
        #expect(error?.code == .consistencyFailed)
        #expect(roots.trustedRoot(of: identity) == trusted)
        await client.close()
        await server.stop()
    }

    // MARK: the key's text

    @Test(
        "is not made from what is no public key of P-256",
        arguments: [
            ("", "it holds no public key in PEM"),
            (
                P256.Signing.PrivateKey().pemRepresentation,
                "it holds a private key: give the public"
            ),
            (P384.Signing.PrivateKey().publicKey.pemRepresentation, "not one of the curve P-256"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "is damaged"),
        ])
    func keyTexts(text: String, said: String) throws {
        let error = #expect(throws: RootPublicKeyError.self) { try RootPublicKey(pem: text) }
        #expect(try #require(error).description.contains(said))
        #expect(RootPublicKey([4, 1, 2]) == nil)
        let bytes = [UInt8](key.publicKey.x963Representation)
        #expect(RootPublicKey(bytes)?.bytes == bytes)
    }

    // MARK: receipts

    @Test("has signed receipts, which prove their entry offline, also after conversion to text")
    func receipts() async throws {
        let pinned = try RootPublicKey(pem: key.publicKey.pemRepresentation)
        for count in [1, 2, 3, 7, 8, 13] {
            let server = try await LyingServer.start(TestLedger(count: count))
            server.change { $0.sign(with: key) }
            var configuration = ImmudbClient.Configuration(port: server.port)
            configuration.signingKey = pinned
            let client = try await ImmudbClient.connect(
                configuration, trustedRoots: InMemoryTrustedRootStore(),
                firstContact: .trustOnFirstUse)
            // The tree grows after the signature.
            server.change { state in
                let (older, sign) = (state.ledger, state.alterRoot)
                state.alterRoot = { root in
                    root.index = older.size.rawValue - 1
                    root.root = Data(older.root.root.bytes)
                    sign?(&root)
                }
            }
            let trusted = try await client.trustedRoot()
            #expect(trusted == server.ledger.root)
            server.change { $0.ledger.append(Array("later".utf8), [1]) }
            let receipt = try await client.receipt(of: Array("key0".utf8))
            let signedTree = try #require(receipt.signedTree)
            #expect(signedTree.root.size == TreeSize(UInt64(count)))
            #expect(receipt.root == server.ledger.root)
            #expect(receipt.text.hasPrefix("immudb receipt 2\n"))
            let read = try Receipt(text: receipt.text)
            #expect(read == receipt)
            #expect(try read.verify(signedBy: pinned).value == server.ledger.entries[0])
            let other = try RootPublicKey(
                pem: P256.Signing.PrivateKey().publicKey.pemRepresentation)
            #expect(throws: VerificationError(.signatureInvalid, "")) {
                try read.verify(signedBy: other)
            }
            // The entry that is newer than every signed tree gets no receipt.
            await #expect(throws: ClientError(.unavailable, "")) {
                try await client.receipt(of: Array("later".utf8))
            }
            server.change { $0.sign(with: key) }
            #expect(try await client.verify(read).value.index == EntryIndex(0))
            await client.close()
            await server.stop()
        }
    }

    @Test(
        "refuses a signed receipt with any changed digit, and any missing, repeated or swapped line"
    )
    func changedReceipts() async throws {
        let pinned = try RootPublicKey(pem: key.publicKey.pemRepresentation)
        let server = try await LyingServer.start(TestLedger(count: 13))
        server.change { $0.sign(with: key) }
        let client = try await connect(server)
        let receipt = try await client.receipt(of: Array("key5".utf8))
        await client.close()
        await server.stop()
        let lines = receipt.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map(String.init)
        func isRefused(_ lines: [String]) -> Bool {
            do {
                _ = try Receipt(text: lines.joined(separator: "\n")).verify(signedBy: pinned)
                return false
            } catch {
                return true
            }
        }
        expectRefused(everyChangeOf: lines, isRefused)
    }

    @Test("confirms a receipt by another server with the same history, such as a restored one")
    func restored() async throws {
        let ledger = TestLedger(count: 9)
        let receipt = Receipt(
            server: try #require(ServerIdentity("gone")), entry: ledger.entries[3],
            root: ledger.root, path: ledger.inclusionProof(of: EntryIndex(3)).path)
        let server = try await LyingServer.start(ledger)
        let client = try await connect(server, pinned: false)
        server.change { $0.ledger.append([1], [2]) }
        #expect(try await client.verify(receipt).value == ledger.entries[3])
        server.change { $0.ledger = TestLedger(count: 12, salt: "!") }
        let stranger = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        await #expect(throws: ClientError(.refused, "")) { try await stranger.verify(receipt) }
        for client in [client, stranger] { await client.close() }
        await server.stop()
    }
}
