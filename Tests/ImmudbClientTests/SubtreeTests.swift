import Foundation
import ImmudbClient
import ImmudbProtocol
import LyingServer
import MerkleTree
import Testing

@Suite("Subtrees of entries that are verified together")
struct SubtreeTests {
    @Test("cover every range in its order, each as large as it can be")
    func cover() {
        for end in UInt64(1)...70 {
            var position: UInt64 = 0
            var count = 0
            while position < end {
                let subtree = Subtree(from: position, before: end)
                #expect(subtree.start == position)
                #expect(subtree.end <= end)
                #expect(subtree.start.isMultiple(of: subtree.count))
                position = subtree.end
                count += 1
            }
            #expect(count == end.nonzeroBitCount)
        }
        #expect(Subtree(from: 0, before: 1 << 40).count == 1_024)
        #expect(Subtree(from: 1_025, before: 1 << 40).count == 1)
        #expect(Subtree(from: (1 << 62) + 512, before: 1 << 63).count == 512)
    }

    @Test("take two calls in a tree that stays, and move the trusted root in one that grows")
    func honest() async throws {
        let server = try await LyingServer.start(TestLedger(count: 45))
        server.change { $0.servesPages = true }
        let roots = InMemoryTrustedRootStore()
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port), trustedRoots: roots,
            firstContact: .trustOnFirstUse)
        var position: UInt64 = 0
        var byteCount = 0
        while position < 45 {
            let subtree = Subtree(from: position, before: 45)
            byteCount += try await client.verify(subtree)
            position = subtree.end
            server.change { $0.ledger.append([1], [2]) }
        }
        #expect(
            byteCount
                == server.ledger.entries[..<45].reduce(0) { $0 + $1.key.count + $1.value.count })
        _ = try await client.verify(Subtree(from: 44, before: 45))
        let identity = try #require(ServerIdentity(LyingServer.identityText))
        #expect(roots.trustedRoot(of: identity) == server.ledger.root)
        await client.close()
        await server.stop()
    }

    @Test("do not hold if any entry of them was changed, left out, or put in another's place")
    func changed() async throws {
        let ledger = TestLedger(count: 45)
        let server = try await LyingServer.start(ledger)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        server.change { $0.servesPages = true }
        let subtree = Subtree(from: 16, before: 32)
        for index in subtree.start..<subtree.end {
            server.change { $0.alterByIndex = { if $0.index == index { $0.value.append(0) } } }
            var error = await #expect(throws: VerificationError.self) {
                _ = try await client.verify(subtree)
            }
            #expect(error?.code == .inclusionFailed)
            #expect(error?.isAboutHistory == false)
            server.change { $0.alterByIndex = { if $0.index == index { $0.index += 1 } } }
            error = await #expect(throws: VerificationError.self) {
                _ = try await client.verify(subtree)
            }
            #expect(error?.code == .wrongIndex)
        }
        server.change { $0.alterByIndex = nil }
        _ = try await client.verify(subtree)
        server.change { $0.ledger = TestLedger(count: 45, salt: "!") }
        let error = await #expect(throws: VerificationError.self) {
            _ = try await client.verify(subtree)
        }
        #expect(error?.code == .consistencyFailed)
        #expect(error?.isAboutHistory == true)
        await client.close()
        await server.stop()
    }
}
