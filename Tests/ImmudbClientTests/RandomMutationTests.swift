import ImmudbClient
import LyingServer
import MerkleTree
import OwnThread
import TestTools
import Testing

@Suite("Random changes to true answers", .ownThread)
struct RandomMutationTests {
    @Test("are refused in all of 100,000 answers")
    func changes() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        var tried = 0
        while tried < 100_000 {
            // Other tests wait for this thread.
            await Task.yield()
            let ledger = TestLedger(count: Int.random(in: 2...70, using: &random))
            let trusted = ledger.root(
                of: TreeSize(UInt64.random(in: 1...ledger.size.rawValue, using: &random)))
            let entry = try #require(ledger.entries.randomElement(using: &random))
            let truth = ledger.proof(of: entry, since: trusted.size)
            _ = try truth.verify(read: entry, of: entry.key, since: trusted)
            for _ in 0..<500 {
                var (proof, answer) = (truth, entry)
                Self.change(&proof, &answer, trusted, &random)
                if proof == truth, answer == entry { continue }
                tried += 1
                // Not by #expect(throws:), which describes each error with all its digests: that
                // takes longer than everything else here.
                do throws(VerificationError) {
                    _ = try proof.verify(read: answer, of: entry.key, since: trusted)
                } catch {
                    continue
                }
                Issue.record("seed \(seed): accepted \(proof) \(answer)")
                return
            }
        }
    }

    private static func change(
        _ proof: inout UncheckedProof, _ entry: inout Entry, _ trusted: TrustedRoot,
        _ random: inout SplitMix64
    ) {
        let inclusion = \UncheckedProof.inclusionPath
        // The path of a tree that did not grow is empty and has no meaning before it is verified.
        let path = Bool.random(using: &random) ? inclusion : \UncheckedProof.consistencyPath
        switch Int.random(in: 0..<10, using: &random) {
        case 0: flipBit(&proof.leaf, &random)
        case 1: flipBit(&proof.root, &random)
        case 2: proof.index = proof.index ^ 1 << UInt64.random(in: 0..<64, using: &random)
        case 3: flipBit(&entry.value, &random)
        case 4: flipBit(&entry.key, &random)
        case 5: entry.index = EntryIndex(UInt64.random(in: 0 ... .max, using: &random))
        case 6:
            guard let place = proof[keyPath: path].indices.randomElement(using: &random) else {
                return
            }
            flipBit(&proof[keyPath: path][place], &random)
        case 7:
            guard let place = proof[keyPath: path].indices.randomElement(using: &random) else {
                return
            }
            proof[keyPath: path].remove(at: place)
        case 8:
            let place = Int.random(in: 0...proof[keyPath: path].count, using: &random)
            let node = (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            proof[keyPath: path].insert(node, at: place)
        default:
            let count = Int.random(in: 0..<64, using: &random)
            proof[keyPath: path].append([UInt8](repeating: 1, count: count))
        }
    }

    private static func flipBit(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        guard let place = bytes.indices.randomElement(using: &random) else { return }
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
}
