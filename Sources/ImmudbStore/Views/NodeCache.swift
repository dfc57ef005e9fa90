import MerkleTree
import Synchronization

/// Checked digests of the upper levels of the tree, by their place in the tree file.
///
/// Direct-mapped: a node has one slot, and the last one that came has it. 2^19 slots of 40 bytes are 20 MiB
/// when all are in use; memory is taken page by page as slots are first used. They hold all nodes above the
/// blocks of a tree of 10^7 entries.
final class NodeCache: Sendable {
    private static let slotBits: UInt64 = 19

    private struct Slot {
        /// The node's place plus one, so that zeroed memory is an empty slot.
        var tag: UInt64
        var digest: Digest
    }

    /// The slots, owned; only touched under the lock.
    private struct Slots: ~Copyable {
        let memory: UnsafeMutablePointer<Slot>

        init() {
            // calloc's large blocks come from the kernel as zero pages, which cost nothing until written.
            let raw = UnsafeMutableRawPointer.zeroed(
                byteCount: MemoryLayout<Slot>.stride << Int(NodeCache.slotBits))
            memory = raw.bindMemory(to: Slot.self, capacity: 1 << Int(NodeCache.slotBits))
        }

        deinit { UnsafeMutableRawPointer(memory).releaseZeroed() }
    }

    private let slots = Mutex(Slots())

    func digest(at position: NodePosition) -> Digest? {
        let tag = position.storageIndex + 1
        return slots.withLock { slots in
            let slot = slots.memory[Self.slot(tag)]
            return slot.tag == tag ? slot.digest : nil
        }
    }

    func insert(_ digest: Digest, at position: NodePosition) {
        let tag = position.storageIndex + 1
        slots.withLock { $0.memory[Self.slot(tag)] = Slot(tag: tag, digest: digest) }
    }

    private static func slot(_ tag: UInt64) -> Int {
        // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
        Int((tag &* 0x9E37_79B9_7F4A_7C15) >> (64 - slotBits))
    }
}
