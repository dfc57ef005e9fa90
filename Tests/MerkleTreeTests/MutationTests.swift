import MerkleTree
import OwnThread
import TestTools
import Testing

/// Every single change to a valid proof must make it fail.
///
/// Some changes are not lies: a path that turns the same way in trees of another size or at another
/// index proves the same fact, since a root does not contain its tree's size. `Turns` determines,
/// by recursion and thus independently, when that is so.
@Suite("Changed proofs", .ownThread)
struct MutationTests {
    static let sizes = Array(1...20) + [31, 32, 33, 47, 64, 65, 100, 127, 128, 129, 200, 255, 300]

    @Test("are not accepted as inclusion proofs")
    func inclusion() throws {
        let tree = SmallTree(count: 301)
        var random = SplitMix64(seed: 7)
        for size in Self.sizes {
            let root = tree.root(size)
            for index in Self.sample(0..<size, &random) {
                let proof = tree.inclusionProof(index, size)
                let leaf = tree.leaves[index]
                try proof.verify(leaf: leaf, root: root)
                for path in Self.changedPaths(proof.path, &random) {
                    var changed = proof
                    changed.path = path
                    #expect(changed.code(leaf: leaf, root: root) != nil, "\(index) in \(size)")
                }
                for digest in Self.changedDigests(leaf, &random) {
                    #expect(proof.code(leaf: digest, root: root) == .inclusionFailed)
                }
                for digest in Self.changedDigests(root, &random) {
                    #expect(proof.code(leaf: leaf, root: digest) == .inclusionFailed)
                }
                if size > 1 { #expect(proof.code(leaf: root, root: leaf) != nil) }
                for (newIndex, newSize) in Self.neighbours(index, size) {
                    let changed = InclusionProof(
                        index: EntryIndex(UInt64(newIndex)), size: TreeSize(UInt64(newSize)),
                        path: proof.path)
                    let isSame =
                        newIndex < newSize
                        && Turns.inclusion(newIndex, newSize) == Turns.inclusion(index, size)
                    #expect(
                        (changed.code(leaf: leaf, root: root) == nil) == isSame,
                        "\(index) in \(size) as \(newIndex) in \(newSize)")
                    // Another index is never the same fact in a tree of the same size.
                    if newSize == size { #expect(!isSame) }
                }
            }
        }
    }

    @Test("are not accepted as consistency proofs")
    func consistency() throws {
        let tree = SmallTree(count: 301)
        var random = SplitMix64(seed: 8)
        for to in Self.sizes {
            let newRoot = tree.root(to)
            for from in Self.sample(1..<to + 1, &random) {
                let proof = tree.consistencyProof(from, to)
                let oldRoot = tree.root(from)
                try proof.verify(from: oldRoot, to: newRoot)
                for path in Self.changedPaths(proof.path, &random) {
                    var changed = proof
                    changed.path = path
                    #expect(changed.code(oldRoot, newRoot) != nil, "\(from) to \(to)")
                }
                for digest in Self.changedDigests(oldRoot, &random) {
                    #expect(proof.code(digest, newRoot) == .consistencyFailed)
                }
                for digest in Self.changedDigests(newRoot, &random) {
                    #expect(proof.code(oldRoot, digest) == .consistencyFailed)
                }
                if from < to { #expect(proof.code(newRoot, oldRoot) != nil, "\(from) to \(to)") }
                for (newFrom, newTo) in Self.neighbours(from, to) {
                    let changed = ConsistencyProof(
                        from: TreeSize(UInt64(newFrom)), to: TreeSize(UInt64(newTo)),
                        path: proof.path)
                    let isSame = Turns.consistency(newFrom, newTo) == Turns.consistency(from, to)
                    #expect(
                        (changed.code(oldRoot, newRoot) == nil) == isSame,
                        "\(from) to \(to) as \(newFrom) to \(newTo)")
                }
            }
        }
    }

    @Test("cannot show a rewritten history as consistent, whatever nodes the server sends")
    func rewrittenHistory() {
        let honest = SmallTree(count: 80)
        let forged = SmallTree(count: 80, salt: "forged")
        for to in 2...80 {
            for from in stride(from: 1, to: to, by: 3) {
                for path in [
                    honest.consistencyProof(from, to).path, forged.consistencyProof(from, to).path,
                ] {
                    let proof = ConsistencyProof(
                        from: TreeSize(UInt64(from)), to: TreeSize(UInt64(to)), path: path)
                    #expect(proof.code(honest.root(from), forged.root(to)) == .consistencyFailed)
                }
            }
        }
    }

    private static func sample(_ range: Range<Int>, _ random: inout SplitMix64) -> [Int] {
        guard range.count > 20 else { return Array(range) }
        return [range.lowerBound, range.upperBound - 1, range.upperBound - 2, 127, 128].filter(
            range.contains)
            + (0..<12).map { _ in .random(in: range, using: &random) }
    }

    private static func neighbours(_ first: Int, _ second: Int) -> [(Int, Int)] {
        [(first - 1, second), (first + 1, second), (first, second - 1), (first, second + 1)]
            .filter { $0.0 >= 0 && $0.1 >= 0 }
    }

    /// Flips one bit in each of the digest's eight regions of four bytes; also returns a digest of
    /// zeros.
    private static func changedDigests(_ digest: Digest, _ random: inout SplitMix64)
        -> [Digest]
    {
        var changed = (0..<8).compactMap { region in
            var bytes = digest.bytes
            bytes[4 * region + .random(in: 0..<4, using: &random)] ^=
                1 << UInt8.random(in: 0..<8, using: &random)
            return Digest(bytes)
        }
        changed += [Digest([UInt8](repeating: 0, count: 32))].compactMap { $0 }
        return changed
    }

    /// Changes, drops and doubles each node, and swaps each two neighbours; adds a node at each
    /// place; reverses the path.
    private static func changedPaths(_ path: [Digest], _ random: inout SplitMix64)
        -> [[Digest]]
    {
        var paths: [[Digest]] = []
        for place in path.indices {
            for digest in changedDigests(path[place], &random) {
                var changed = path
                changed[place] = digest
                paths.append(changed)
            }
            var shorter = path
            shorter.remove(at: place)
            paths.append(shorter)
            var longer = path
            longer.insert(path[place], at: place)
            paths.append(longer)
            if place > 0 {
                var swapped = path
                swapped.swapAt(place - 1, place)
                paths.append(swapped)
            }
        }
        for place in 0...path.count {
            var longer = path
            longer.insert(.emptyTree, at: place)
            paths.append(longer)
        }
        if path.count > 1 { paths += [path.reversed(), []] }
        return paths
    }
}

/// The direction in which a path turns at each step, by recursion. Two proofs of the same fact must
/// have it in common.
enum Turns {
    static func inclusion(_ index: Int, _ size: Int) -> [Bool] {
        if size == 1 { return [] }
        let middle = Int(NaiveTree.split(UInt64(size)))
        return index < middle
            ? inclusion(index, middle) + [false]
            : inclusion(index - middle, size - middle) + [true]
    }

    /// The first element is the beginning of the path.
    static func consistency(_ from: Int, _ to: Int) -> [String] {
        if from > to { return ["shrank"] }
        if from == 0 { return [to == 0 ? "both empty" : "empty"] }
        if from == to { return ["same"] }
        return subproof(from, to, true)
    }

    private static func subproof(_ from: Int, _ to: Int, _ complete: Bool) -> [String] {
        if from == to { return [complete ? "old root" : "node"] }
        let middle = Int(NaiveTree.split(UInt64(to)))
        return from <= middle
            ? subproof(from, middle, complete) + ["right"]
            : subproof(from - middle, to - middle, false) + ["left"]
    }
}
