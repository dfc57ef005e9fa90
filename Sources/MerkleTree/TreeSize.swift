/// The number of leaves of a tree: 0 to 2^63.
///
/// The wire uses last indexes instead, which cannot express "empty". Convert at the edge, by `init?(endingAt:)` and
/// `lastIndex`, and use sizes inside.
public struct TreeSize: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// 2^63 leaves: their 2^64 - 1 nodes can still be counted.
    public static let max = TreeSize(1 << 63)

    public let rawValue: UInt64

    /// - Precondition: at most 2^63. For received numbers use `init?(rawValue:)`.
    public init(_ rawValue: UInt64) {
        precondition(rawValue <= 1 << 63, "a tree of \(rawValue) leaves")
        self.rawValue = rawValue
    }

    /// - Returns: nil beyond 2^63.
    public init?(rawValue: UInt64) {
        guard rawValue <= 1 << 63 else { return nil }
        self.rawValue = rawValue
    }

    /// Makes the size of the smallest tree that has a leaf at `lastIndex`.
    ///
    /// - Precondition: `lastIndex` is below 2^63. For received numbers use `init?(endingAt:)`.
    public init(lastIndex: EntryIndex) {
        precondition(lastIndex.rawValue < 1 << 63, "a tree that ends at \(lastIndex)")
        rawValue = lastIndex.rawValue + 1
    }

    /// Makes the size of the tree whose last index is `lastIndex`, a received number.
    ///
    /// - Returns: nil from 2^63 on.
    public init?(endingAt lastIndex: UInt64) {
        guard lastIndex < 1 << 63 else { return nil }
        rawValue = lastIndex + 1
    }

    public var isEmpty: Bool { rawValue == 0 }

    /// The index of the last leaf; nil if there is none.
    public var lastIndex: EntryIndex? { isEmpty ? nil : EntryIndex(rawValue - 1) }

    public func contains(_ index: EntryIndex) -> Bool { index.rawValue < rawValue }

    /// The positions of the largest complete subtrees that together cover the leaves, left to right: one for each 1 in
    /// the binary form of the size.
    public var peaks: TreePeaks { TreePeaks(size: self) }

    /// The number of complete nodes, leaves included, of a tree of this size: 2n - popcount(n).
    ///
    /// This is also the number of digests in storage, since a digest is stored when its node becomes complete.
    public var nodeCount: UInt64 { rawValue + (rawValue - UInt64(rawValue.nonzeroBitCount)) }

    public static func < (left: TreeSize, right: TreeSize) -> Bool {
        left.rawValue < right.rawValue
    }

    public var description: String { String(rawValue) }
}

/// The positions of a tree's peaks, left to right, which is from the highest level down. Computed, not stored.
public struct TreePeaks: BidirectionalCollection, Sendable {
    /// Counts levels down from 63, so that indexes grow to the right.
    public struct Index: Comparable, Hashable, Sendable {
        var depth: Int
        var level: Int { 63 - depth }

        public static func < (left: Index, right: Index) -> Bool { left.depth < right.depth }
    }

    private let bits: UInt64

    init(size: TreeSize) {
        bits = size.rawValue
    }

    public var count: Int { bits.nonzeroBitCount }
    public var startIndex: Index { Index(depth: bits.leadingZeroBitCount) }
    public var endIndex: Index { Index(depth: 64) }

    public func index(after index: Index) -> Index {
        Index(depth: (bits & ((1 << UInt64(index.level)) - 1)).leadingZeroBitCount)
    }

    public func index(before index: Index) -> Index {
        let above = bits >> UInt64(index.level + 1)
        precondition(above != 0, "before the first peak")
        return Index(depth: 63 - (index.level + 1 + above.trailingZeroBitCount))
    }

    public subscript(index: Index) -> NodePosition {
        NodePosition(level: UInt8(index.level), index: bits >> UInt64(index.level) - 1)
    }
}
