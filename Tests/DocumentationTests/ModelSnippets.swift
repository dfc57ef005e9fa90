import ImmudbModel
import MerkleTree

// The code of docs/model.md; `PageTests` runs it, and compares the two.

enum ModelSnippets {
    static func tree() throws -> (kept: TrustedRoot, again: TrustedRoot?) {
        var tree = MerkleAccumulator()
        var nodes: [NodePosition: Digest] = [:]
        for number in 0..<7 {
            let leaf = Digest.leaf(
                index: EntryIndex(UInt64(number)), key: Array("key \(number)".utf8), value: [])
            tree.append(leaf) { nodes[$0] = $1 }
        }
        let root = tree.root
        let inclusion = InclusionProof(of: EntryIndex(2), in: tree.size) { nodes[$0]! }
        try inclusion.verify(
            leaf: .leaf(index: EntryIndex(2), key: Array("key 2".utf8), value: []), root: root)
        let kept = TrustedRoot(size: tree.size, root: root)
        let again = TrustedRoot(kept.text)
        return (kept, again)
    }
}
