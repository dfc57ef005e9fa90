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

    /// The sets, owned; only touched under the lock. A set has its tags and its digests next to each
    /// other, so that looking one up waits for neighbouring memory only.
    ///
    /// A tag is the node's place plus one, so that zeroed memory is an empty slot.
    private struct Sets: ~Copyable {
        private static let tagByteCount = MemoryLayout<UInt64>.size
        private static let byteCount = NodeCache.ways * (tagByteCount + Digest.byteCount)

        private let memory: UnsafeMutableRawPointer
        private var nextVictim = 0

        init() {
            // Large zeroed blocks come from the kernel as pages that cost nothing until they are
            // written.
            memory = .zeroed(byteCount: Self.byteCount << Int(NodeCache.setBits))
        }

        deinit {
            memory.releaseZeroed()
        }

        func digest(_ tag: UInt64) -> Digest? {
            let set = set(of: tag)
            return way(of: tag, in: set).map { Digest(loadingFrom: Self.digest($0, in: set)) }
        }

        mutating func insert(_ digest: Digest, _ tag: UInt64) {
            let set = set(of: tag)
            let way = way(of: tag, in: set) ?? way(of: 0, in: set) ?? victim()
            set.storeBytes(of: tag, toByteOffset: way * Self.tagByteCount, as: UInt64.self)
            digest.store(to: Self.digest(way, in: set))
        }

        private mutating func victim() -> Int {
            nextVictim = (nextVictim + 1) % NodeCache.ways
            return nextVictim
        }

        private func set(of tag: UInt64) -> UnsafeMutableRawPointer {
            // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
            let number = Int((tag &* 0x9E37_79B9_7F4A_7C15) >> (64 - NodeCache.setBits))
            return memory + number * Self.byteCount
        }

        private func way(of tag: UInt64, in set: UnsafeMutableRawPointer) -> Int? {
            for way in 0..<NodeCache.ways
            where set.load(fromByteOffset: way * Self.tagByteCount, as: UInt64.self) == tag {
                return way
            }
            return nil
        }

        private static func digest(
            _ way: Int, in set: UnsafeMutableRawPointer
        ) -> UnsafeMutableRawPointer {
            set + NodeCache.ways * tagByteCount + way * Digest.byteCount
        }
    }

    private let sets = Mutex(Sets())

    func digest(at position: NodePosition) -> Digest? {
        sets.withLock { $0.digest(position.storageIndex + 1) }
    }

    /// The digests at several positions, each nil where it is not known.
    ///
    /// One lock and no dependence from one look-up to the next: the memory accesses overlap.
    func digests(at positions: [NodePosition]) -> [Digest?] {
        sets.withLock { sets in positions.map { sets.digest($0.storageIndex + 1) } }
    }

    func insert(_ digest: Digest, at position: NodePosition) {
        sets.withLock { $0.insert(digest, position.storageIndex + 1) }
    }
}
