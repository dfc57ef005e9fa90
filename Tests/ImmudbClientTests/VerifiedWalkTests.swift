import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import SwiftProtobuf
import TestTools
import Testing

@Suite("Walks that are verified, with a server that lies")
struct VerifiedWalkTests {
    private let folder = TemporaryFolder()
    private let honest = TestLedger(count: 13)

    /// Runs `body` with a client that trusts the first seven entries.
    private func withClient(
        _ change: @Sendable (inout LyingServer.State) -> Void,
        _ body: (ImmudbClient) async throws -> Void
    ) async throws {
        let server = try await LyingServer.start(honest)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: folder.path),
            firstContact: .trust(honest.root(of: TreeSize(7))))
        server.change(change)
        try await body(client)
        await client.close()
        await server.stop()
    }

    private func items(_ indexes: some Sequence<Int>) -> [Immudb_Schema_Item] {
        indexes.map { index in
            .with {
                $0.key = Data(honest.entries[index].key)
                $0.value = Data(honest.entries[index].value)
                $0.index = UInt64(index)
            }
        }
    }

    private func all(_ walk: VerifiedEntrySequence) async throws -> [Entry] {
        var entries: [Entry] = []
        for try await verified in walk { entries.append(verified.value) }
        return entries
    }

    @Test("prove honest answers, page by page")
    func honestServer() async throws {
        let page = items(0..<13)
        try await withClient({ $0.page = page }) { client in
            let history = try await all(client.verifiedHistory(of: "key5"))
            #expect(history == [honest.entries[5]])
            #expect(try await all(client.verifiedEntries(before: EntryIndex(13))) == honest.entries)
            let verified = try await client.verify(Array(honest.entries.prefix(3)))
            #expect(verified.map(\.value) == Array(honest.entries.prefix(3)))
            #expect(verified.allSatisfy { $0.root == honest.root })
            #expect(try await client.verify([Entry]()).isEmpty)
        }
    }

    @Test("fail as a whole for one changed entry of a page or a history")
    func changedEntry() async throws {
        var page = items(0..<13)
        page[9].value.append(0x21)
        let changed = page
        try await withClient({ $0.page = changed }) { client in
            await #expect(throws: VerificationError(.leafMismatch, "")) {
                try await all(client.verifiedEntries())
            }
        }
        try await withClient({ $0.page = [changed[9]] }) { client in
            await #expect(throws: VerificationError(.leafMismatch, "")) {
                try await all(client.verifiedScan(prefix: "key9"))
            }
        }
        try await withClient({ $0.alterHistory = { $0.items[0].value.append(0x21) } }) { client in
            await #expect(throws: VerificationError(.leafMismatch, "")) {
                try await all(client.verifiedHistory(of: "key5"))
            }
        }
    }

    @Test("detect a denied entry of the trusted tree")
    func deniedEntries() async throws {
        let page = items(0..<4)
        try await withClient({ $0.page = page }) { client in
            // The rest of the page is all that the server has to show, and 4 to 6 are trusted.
            await #expect(throws: VerificationError(.inclusionFailed, "")) {
                try await all(client.verifiedEntries())
            }
        }
        // 3 is missing in between.
        let gap = items([0, 1, 2, 4, 5, 6])
        try await withClient({ $0.page = gap }) { client in
            await #expect(throws: VerificationError(.inclusionFailed, "")) {
                try await all(client.verifiedEntries())
            }
        }
        try await withClient({ $0.page = page }) { client in
            let shown = try await all(client.verifiedEntries(before: EntryIndex(4)))
            #expect(shown == Array(honest.entries.prefix(4)))
        }
    }
}
