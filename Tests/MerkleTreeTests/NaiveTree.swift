import MerkleTree
import TestTools

/// A second implementation of the tree, which follows the recursive definitions of RFC 6962,
/// section 2.1, word for word.
///
/// It gets the root of a range of leaves only from `rootOfRange`, so it works for small trees of
/// different leaves and for huge ones of equal leaves.
struct NaiveTree {
    let rootOfRange: (Range<UInt64>) -> Digest

    /// The largest power of two smaller than `count`, which is at least 2.
    static func split(_ count: UInt64) -> UInt64 {
        var half: UInt64 = 1
        while half < count - half { half *= 2 }
        return half
    }

    func inclusion(_ index: UInt64, _ range: Range<UInt64>) -> [Digest] {
        let count = range.upperBound - range.lowerBound
        if count == 1 { return [] }
        let middle = range.lowerBound + Self.split(count)
        let left = range.lowerBound..<middle
        let right = middle..<range.upperBound
        return index < middle
            ? inclusion(index, left) + [rootOfRange(right)]
            : inclusion(index, right) + [rootOfRange(left)]
    }

    /// Returns the proof that a tree of `end` leaves begins with the first `oldEnd`.
    func consistency(_ oldEnd: UInt64, _ end: UInt64) -> [Digest] {
        oldEnd == 0 ? [] : subproof(oldEnd, 0..<end, true)
    }

    private func subproof(_ oldEnd: UInt64, _ range: Range<UInt64>, _ complete: Bool) -> [Digest] {
        if oldEnd == range.upperBound { return complete ? [] : [rootOfRange(range)] }
        let middle = range.lowerBound + Self.split(range.upperBound - range.lowerBound)
        let left = range.lowerBound..<middle
        let right = middle..<range.upperBound
        return oldEnd <= middle
            ? subproof(oldEnd, left, complete) + [rootOfRange(right)]
            : subproof(oldEnd, right, false) + [rootOfRange(left)]
    }
}

/// A tree of `count` different leaves: the roots of all ranges that occur, by recursion, and a
/// store of complete nodes as the accumulator fills it.
final class SmallTree {
    let leaves: [Digest]
    private(set) var storage: [Digest] = []
    private var rangeRoots: [Range<UInt64>: Digest] = [:]

    init(count: Int, salt: String = "") {
        leaves = (0..<count).map {
            Digest.leaf(index: EntryIndex(UInt64($0)), key: "key\(salt)".utf8, value: "\($0)".utf8)
        }
        var accumulator = MerkleAccumulator()
        for leaf in leaves { accumulator.append(leaf) { storage.append($1) } }
    }

    func node(_ position: NodePosition) -> Digest { storage[Int(position.storageIndex)] }

    func root(_ size: Int) -> Digest {
        size == 0 ? .emptyTree : rootOfRange(0..<UInt64(size))
    }

    func rootOfRange(_ range: Range<UInt64>) -> Digest {
        if range.count == 1 { return leaves[Int(range.lowerBound)] }
        if let known = rangeRoots[range] { return known }
        let middle = range.lowerBound + NaiveTree.split(UInt64(range.count))
        let digest = Digest.node(
            rootOfRange(range.lowerBound..<middle), rootOfRange(middle..<range.upperBound))
        rangeRoots[range] = digest
        return digest
    }

    var naive: NaiveTree { NaiveTree(rootOfRange: rootOfRange) }

    func inclusionProof(_ index: Int, _ size: Int) -> InclusionProof {
        InclusionProof(
            of: EntryIndex(UInt64(index)), in: TreeSize(UInt64(size)), node: node)
    }

    func consistencyProof(_ from: Int, _ to: Int) -> ConsistencyProof {
        ConsistencyProof(from: TreeSize(UInt64(from)), to: TreeSize(UInt64(to)), node: node)
    }
}

/// A tree of any size whose leaves are all equal, so that a complete node's digest depends only on
/// its level.
struct UniformTree {
    let digestsByLevel: [Digest]

    init() {
        var digest = Digest.leaf(index: EntryIndex(0), key: "all".utf8, value: "alike".utf8)
        digestsByLevel = (0..<64).map { _ in
            defer { digest = .node(digest, digest) }
            return digest
        }
    }

    var leaf: Digest { digestsByLevel[0] }

    func node(_ position: NodePosition) -> Digest { digestsByLevel[Int(position.level)] }

    func rootOfRange(_ range: Range<UInt64>) -> Digest {
        let count = range.upperBound - range.lowerBound
        if count.nonzeroBitCount == 1 { return digestsByLevel[count.trailingZeroBitCount] }
        let middle = range.lowerBound + NaiveTree.split(count)
        return .node(
            rootOfRange(range.lowerBound..<middle), rootOfRange(middle..<range.upperBound))
    }

    var naive: NaiveTree { NaiveTree(rootOfRange: rootOfRange) }
}

extension InclusionProof {
    func code(leaf: Digest, root: Digest) -> VerificationError.Code? {
        do {
            try verify(leaf: leaf, root: root)
            return nil
        } catch { return error.code }
    }
}

extension ConsistencyProof {
    func code(_ oldRoot: Digest, _ newRoot: Digest) -> VerificationError.Code? {
        do {
            try verify(from: oldRoot, to: newRoot)
            return nil
        } catch { return error.code }
    }
}
