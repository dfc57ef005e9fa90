import MerkleTree
import StorageIO
import Synchronization

/// Checked digests of the levels above the blocks, by their place in the tree file.
///
/// Four-way set-associative: a node belongs to one set of four slots, and a full set gives up one
/// of them. 2^18 sets of 160 bytes are 40 MiB when all are in use; memory is taken page by page as
/// sets are first used. They hold nearly all nodes above the blocks of a tree of 10^7 entries; of
/// a larger tree the upper levels, which most proofs share.
final class NodeCache: Sendable {
    private static let setBits: UInt64 = 18
    private static let ways = 4

    /// The tags and digests of all sets, owned; only touched under the lock.
    ///
    /// A tag is the node's place plus one, so that zeroed memory is an empty slot.
    private struct Slots: ~Copyable {
        let tags: UnsafeMutablePointer<UInt64>
        let digests: UnsafeMutablePointer<Digest>
        var nextVictim = 0

        init() {
            let count = NodeCache.ways << Int(NodeCache.setBits)
            // Large zeroed blocks come from the kernel as pages that cost nothing until they are
            // written.
            tags = UnsafeMutableRawPointer.zeroed(byteCount: count * MemoryLayout<UInt64>.stride)
                .bindMemory(to: UInt64.self, capacity: count)
            digests = UnsafeMutableRawPointer.zeroed(byteCount: count * MemoryLayout<Digest>.stride)
                .bindMemory(to: Digest.self, capacity: count)
        }

        deinit {
            UnsafeMutableRawPointer(tags).releaseZeroed()
            UnsafeMutableRawPointer(digests).releaseZeroed()
        }

        /// The slot with a tag, among those of the set that begins at `first`.
        func slot(with tag: UInt64, first: Int) -> Int? {
            for slot in first..<first + NodeCache.ways where tags[slot] == tag { return slot }
            return nil
        }

        mutating func slotToFill(with tag: UInt64) -> Int {
            let first = NodeCache.firstSlot(tag)
            if let slot = slot(with: tag, first: first) ?? slot(with: 0, first: first) {
                return slot
            }
            nextVictim = (nextVictim + 1) % NodeCache.ways
            return first + nextVictim
        }
    }

    private let slots = Mutex(Slots())

    func digest(at position: NodePosition) -> Digest? {
        let tag = position.storageIndex + 1
        return slots.withLock { slots in
            slots.slot(with: tag, first: Self.firstSlot(tag)).map { slots.digests[$0] }
        }
    }

    /// The digests at several positions, each nil where it is not known.
    ///
    /// One lock and no dependence from one look-up to the next: the memory accesses overlap.
    func digests(at positions: [NodePosition]) -> [Digest?] {
        slots.withLock { slots in
            positions.map { position in
                let tag = position.storageIndex + 1
                return slots.slot(with: tag, first: Self.firstSlot(tag)).map { slots.digests[$0] }
            }
        }
    }

    func insert(_ digest: Digest, at position: NodePosition) {
        let tag = position.storageIndex + 1
        slots.withLock { slots in
            let slot = slots.slotToFill(with: tag)
            slots.tags[slot] = tag
            slots.digests[slot] = digest
        }
    }

    private static func firstSlot(_ tag: UInt64) -> Int {
        // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
        Int((tag &* 0x9E37_79B9_7F4A_7C15) >> (64 - setBits)) * ways
    }
}
