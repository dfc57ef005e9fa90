import MerkleTree
import OwnThread
import TestTools
import Testing

@Suite("Digests and the shape of the tree", .ownThread)
struct GeometryTests {
    @Test("store a digest as 32 plain bytes, wherever it is read from and written to")
    func digestBytes() throws {
        // Plain bytes need no heap and no reference counting when they are copied.
        #expect(_isPOD(Digest.self))
        #expect(MemoryLayout<Digest>.size == 32)
        let bytes = (0..<32).map { UInt8($0 * 7 & 255) }
        let digest = try #require(Digest(bytes))
        #expect(digest.bytes == bytes)
        #expect(digest.withUnsafeBytes { Array($0) } == bytes)
        var room = [UInt8](repeating: 0, count: 40)
        room.withUnsafeMutableBytes { digest.store(to: $0.baseAddress! + 3) }
        #expect(Array(room[3..<35]) == bytes)
        #expect(room.withUnsafeBytes { Digest(loadingFrom: $0.baseAddress! + 3) } == digest)
        #expect(Digest(bytes.dropLast()) == nil)
        #expect(Digest(bytes + [0]) == nil)
        #expect(Digest(bytes.reversed().lazy.map { $0 }) == Digest(Array(bytes.reversed())))
    }

    @Test("parse the text of a digest in either case, and nothing else")
    func digestText() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(Digest.emptyTree.hex == text)
        #expect(Digest(hex: text) == .emptyTree)
        #expect(Digest(hex: text.uppercased()) == .emptyTree)
        #expect(Digest(hex: text.dropLast()) == nil)
        #expect(Digest(hex: text + "0") == nil)
        #expect(Digest(hex: text + "00") == nil)
        #expect(Digest(hex: "g" + text.dropFirst()) == nil)
        #expect(Digest(hex: "") == nil)
    }

    @Test("give the same leaf for keys and values that are not contiguous in memory")
    func leafOfAnyCollection() {
        let key = [UInt8]("key".utf8)
        let value = [UInt8]("value".utf8)
        let leaf = Digest.leaf(index: EntryIndex(1), key: key, value: value)
        #expect(leaf.hex == "622e82a642482c58969203bada744097c9dfff2ff31436c7d95721737c5eeda9")
        #expect(
            leaf
                == .leaf(
                    index: EntryIndex(1), key: key.lazy.map { $0 },
                    value: value.reversed().reversed()))
    }

    @Test("complete nodes in the order of their storage, without a gap")
    func storageOrder() {
        let tree = SmallTree(count: 300)
        var accumulator = MerkleAccumulator()
        var stored: UInt64 = 0
        for (index, leaf) in tree.leaves.enumerated() {
            accumulator.append(leaf) { position, digest in
                #expect(position.storageIndex == stored)
                #expect(position.lastLeaf == EntryIndex(UInt64(index)))
                let range = position.firstLeaf.rawValue..<position.lastLeaf.rawValue + 1
                #expect(digest == tree.rootOfRange(range))
                stored += 1
            }
            #expect(accumulator.size.nodeCount == stored)
            #expect(accumulator.root == tree.root(index + 1))
        }
    }

    @Test("continue a tree from its peaks")
    func resumed() {
        let tree = SmallTree(count: 140)
        for size in 0...130 {
            let treeSize = TreeSize(UInt64(size))
            var resumed = MerkleAccumulator(size: treeSize, peaks: treeSize.peaks.map(tree.node))
            #expect(resumed.root == tree.root(size))
            for leaf in tree.leaves[size..<size + 10] { resumed.append(leaf) }
            #expect(resumed.root == tree.root(size + 10))
            #expect(resumed.peaks == resumed.size.peaks.map(tree.node))
        }
    }

    @Test("extend a tree of 2^63 - 1 leaves by one, which makes it a single node")
    func lastLeaf() {
        let tree = UniformTree()
        let size = TreeSize(1 << 63 - 1)
        var accumulator = MerkleAccumulator(size: size, peaks: size.peaks.map(tree.node))
        var completed: [NodePosition] = []
        accumulator.append(tree.leaf) { position, _ in completed.append(position) }
        #expect(accumulator.size == .max)
        #expect(accumulator.root == tree.digestsByLevel[63])
        #expect(completed.count == 64)
        #expect(completed.last == NodePosition(level: 63, index: 0))
        #expect(completed.map(\.storageIndex) == Array(size.nodeCount..<TreeSize.max.nodeCount))
    }

    @Test("cover the leaves by peaks from left to right")
    func peaks() {
        var sizes = [UInt64](0...300)
        sizes += [1 << 63, 1 << 63 - 1, 1 << 40 + 5] as [UInt64]
        var random = SplitMix64(seed: 9)
        for _ in 0..<100 { sizes.append(UInt64.random(in: 0...(1 << 63), using: &random)) }
        for size in sizes.map(TreeSize.init(_:)) {
            var next: UInt64 = 0
            for peak in size.peaks {
                #expect(peak.firstLeaf.rawValue == next)
                #expect(peak.isComplete(in: size))
                next += peak.leafCount
            }
            #expect(next == size.rawValue)
            #expect(Array(size.peaks.reversed()) == size.peaks.map { $0 }.reversed())
            #expect(size.peaks.count == Array(size.peaks).count)
        }
    }

    @Test("refuse received numbers that no tree can have, without a trap")
    func sizesFromOutside() {
        #expect(TreeSize(rawValue: 1 << 63) == .max)
        #expect(TreeSize(rawValue: 1 << 63 + 1) == nil)
        #expect(TreeSize(endingAt: 0) == TreeSize(1))
        #expect(TreeSize(endingAt: 1 << 63 - 1) == .max)
        #expect(TreeSize(endingAt: 1 << 63) == nil)
        #expect(TreeSize(endingAt: .max) == nil)
        #expect(TreeSize(0).lastIndex == nil)
        #expect(TreeSize.max.lastIndex == EntryIndex(1 << 63 - 1))
        #expect(
            InclusionProof(index: EntryIndex(.max), size: .max, path: [])
                .code(leaf: .emptyTree, root: .emptyTree) == .malformedProof)
    }
}
