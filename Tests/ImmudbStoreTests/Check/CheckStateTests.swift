import MerkleTree
import StorageIO
import Testing

@testable import ImmudbStore

@Suite("The position of the self-check, as it is kept")
struct CheckStateTests {
    private let identity = DatabaseIdentity.random()
    private let size = TreeSize(1 << 20)

    private var state: CheckState {
        var state = CheckState(seed: 0x1234_5678_9ABC_DEF0, size: size, beganAt: 1_795_900_000)
        state.roundCount = 3
        state.doneBlockCount = 700
        state.lastRoundEndedAt = 1_795_800_000
        state.suspects = [0, 17, 1023]
        return state
    }

    @Test("is the same after a restart")
    func roundTrip() {
        let bytes = state.encoded(for: identity)
        #expect(CheckState(bytes, of: identity, size: size) == state)
        #expect(CheckState(bytes, of: identity, size: TreeSize(1 << 21)) == state)
        let first = CheckState(seed: 0, size: TreeSize(1), beganAt: -5)
        #expect(
            CheckState(first.encoded(for: identity), of: identity, size: TreeSize(1)) == first)
    }

    @Test("is not believed with any bit changed, or at any other length")
    func damaged() {
        let bytes = state.encoded(for: identity)
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                #expect(CheckState(changed, of: identity, size: size) == nil)
            }
            #expect(CheckState(Array(bytes[..<position]), of: identity, size: size) == nil)
        }
        for extra in 1...9 {
            let longer = bytes + [UInt8](repeating: 0, count: extra)
            #expect(CheckState(longer, of: identity, size: size) == nil)
        }
    }

    @Test("is not believed of another database, or of one that had more entries")
    func foreign() {
        let bytes = state.encoded(for: identity)
        #expect(CheckState(bytes, of: .random(), size: size) == nil)
        #expect(CheckState(bytes, of: identity, size: TreeSize(size.rawValue - 1)) == nil)
    }

    @Test("keeps a limited number of blocks with damage")
    func suspects() {
        var state = state
        for block in 0..<1000 { state.addSuspect(UInt64(block)) }
        #expect(state.suspects.count == CheckState.suspectLimit)
        #expect(CheckState(state.encoded(for: identity), of: identity, size: size) == state)
    }
}
