import MerkleTree
import StorageIO
import Synchronization

/// Checked digests of the levels above the blocks, of one tree or of several that share the memory.
///
/// Four-way set-associative: a node belongs to one set of four slots, and a full set replaces one of them. 2^18 sets of
/// 192 bytes are 48 MiB when all are in use; memory is taken page by page as sets are first used. The cache holds
/// nearly all nodes above the blocks of a tree of 10^7 entries; of a larger tree the upper levels, which most proofs
/// share.
final class NodeCache: Sendable {
    private static let ways = 4

    /// Identifies a node and its tree. Trees are numbered from 1, and numbers are not reused, so zeroed memory is an
    /// empty slot, and no tree finds the nodes of a closed database.
    fileprivate struct Tag: Equatable, BitwiseCopyable {
        var tree: UInt64
        /// The node's number in the tree file.
        var node: UInt64

        static let empty = Tag(tree: 0, node: 0)
    }

    /// The memory of the sets; only accessed under the lock. The tags and digests of a set lie next to each other, so a
    /// look-up waits only for neighbouring memory.
    private struct Sets: ~Copyable {
        private static let tagByteCount = MemoryLayout<Tag>.stride
        static let byteCount = NodeCache.ways * (tagByteCount + Digest.byteCount)

        private let memory: UnsafeMutableRawPointer
        /// The number of sets is 2^`bits`.
        private let bits: UInt64
        private var nextVictim = 0
        /// Slots that have ever been used: none becomes empty again.
        private(set) var usedSlotCount = 0
        private var treeCount: UInt64 = 0

        /// - Parameter byteCount: the most memory; at least one set is made.
        init(byteCount: Int) {
            let count = UInt64(max(1, byteCount / Self.byteCount))
            bits = UInt64(UInt64.bitWidth - 1 - count.leadingZeroBitCount)
            // Large zeroed blocks come from the kernel as pages that cost nothing until they are
            // written.
            memory = .zeroed(byteCount: Self.byteCount << Int(bits))
        }

        deinit {
            memory.releaseZeroed()
        }

        mutating func addTree() -> UInt64 {
            treeCount += 1
            return treeCount
        }

        func digest(_ tag: Tag) -> Digest? {
            let set = set(of: tag)
            return way(of: tag, in: set).map { Digest(loadingFrom: Self.digest($0, in: set)) }
        }

        mutating func insert(_ digest: Digest, _ tag: Tag) {
            let set = set(of: tag)
            let way = way(of: tag, in: set) ?? emptyWay(in: set) ?? victim()
            set.storeBytes(of: tag, toByteOffset: way * Self.tagByteCount, as: Tag.self)
            digest.store(to: Self.digest(way, in: set))
        }

        private mutating func emptyWay(in set: UnsafeMutableRawPointer) -> Int? {
            guard let way = way(of: .empty, in: set) else { return nil }
            usedSlotCount += 1
            return way
        }

        private mutating func victim() -> Int {
            nextVictim = (nextVictim + 1) % NodeCache.ways
            return nextVictim
        }

        private func set(of tag: Tag) -> UnsafeMutableRawPointer {
            // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
            // A tree's number moves all of its nodes by the same large step.
            let key = tag.node &+ tag.tree &* 0xD1B5_4A32_D192_ED03
            let product = key &* 0x9E37_79B9_7F4A_7C15
            let number = bits == 0 ? 0 : Int(product >> (64 - bits))
            return memory + number * Self.byteCount
        }

        private func way(of tag: Tag, in set: UnsafeMutableRawPointer) -> Int? {
            for way in 0..<NodeCache.ways
            where set.load(fromByteOffset: way * Self.tagByteCount, as: Tag.self) == tag {
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

    private let sets: Mutex<Sets>

    /// - Parameter byteCount: the most memory.
    init(byteCount: Int) { sets = Mutex(Sets(byteCount: byteCount)) }

    /// The memory of the digests that it holds, of all trees.
    var byteCount: Int { sets.withLock { $0.usedSlotCount } * Sets.byteCount / Self.ways }

    /// Makes a part of the cache for the nodes of one tree, separate from all other parts.
    func part() -> Part { Part(self, tree: sets.withLock { $0.addTree() }) }

    /// The checked digests of one tree.
    struct Part: Sendable {
        private let cache: NodeCache
        private let tree: UInt64

        fileprivate init(_ cache: NodeCache, tree: UInt64) {
            self.cache = cache
            self.tree = tree
        }

        private func tag(_ position: NodePosition) -> Tag {
            Tag(tree: tree, node: position.storageIndex)
        }

        /// Of the whole cache.
        var totalByteCount: Int { cache.byteCount }

        func digest(at position: NodePosition) -> Digest? {
            cache.sets.withLock { $0.digest(tag(position)) }
        }

        /// Returns the digests at several positions, each nil if it is not known.
        ///
        /// Takes one lock, and the look-ups do not depend on each other, so their memory accesses overlap.
        func digests(at positions: [NodePosition]) -> [Digest?] {
            cache.sets.withLock { sets in positions.map { sets.digest(tag($0)) } }
        }

        func insert(_ digest: Digest, at position: NodePosition) {
            cache.sets.withLock { $0.insert(digest, tag(position)) }
        }
    }
}
