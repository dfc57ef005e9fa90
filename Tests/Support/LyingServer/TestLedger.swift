package import ImmudbClient
package import MerkleTree

/// An honest ledger in memory, for servers that lie about it: entries, and true proofs.
package struct TestLedger: Sendable {
    package private(set) var entries: [Entry] = []
    /// Keys whose newest entry names another key.
    private var references: Set<[UInt8]> = []

    /// Makes a ledger of `count` entries `key<n>`, `value<n>`; another `salt` makes another
    /// history.
    package init(count: Int = 0, salt: String = "") {
        for number in 0..<count {
            append(Array("key\(number)".utf8), Array("value\(number)\(salt)".utf8))
        }
    }

    package var size: TreeSize { TreeSize(UInt64(entries.count)) }

    @discardableResult
    package mutating func append(_ key: [UInt8], _ value: [UInt8]) -> Entry {
        let entry = Entry(index: EntryIndex(UInt64(entries.count)), key: key, value: value)
        entries.append(entry)
        return entry
    }

    package mutating func appendReference(_ name: [UInt8], to key: [UInt8]) -> Entry {
        references.insert(name)
        return append(name, key)
    }

    /// Returns the answer to a read of a key; follows a reference.
    package func read(_ key: [UInt8]) -> Entry? {
        guard let entry = newest(key), references.contains(key) else { return newest(key) }
        return newest(entry.value)
    }

    package mutating func removeLast(_ count: Int) { entries.removeLast(count) }

    package func newest(_ key: [UInt8]) -> Entry? { entries.last { $0.key == key } }

    package func root(of size: TreeSize) -> TrustedRoot {
        TrustedRoot(size: size, root: merkleRoot(of: size) { node(at: $0) })
    }

    package var root: TrustedRoot { root(of: size) }

    package func inclusionProof(of index: EntryIndex) -> InclusionProof {
        InclusionProof(of: index, in: size) { node(at: $0) }
    }

    package func consistencyProof(from old: TreeSize) -> ConsistencyProof {
        ConsistencyProof(from: old, to: size) { node(at: $0) }
    }

    /// Returns the proof of an entry in the answer of a Safe call, for a client that trusts a tree
    /// of `trusted` entries.
    package func proof(of entry: Entry, since trusted: TreeSize) -> UncheckedProof {
        // As on the wire: without a root index, the path starts from index 0.
        let old = trusted.isEmpty ? TreeSize(1) : trusted
        return UncheckedProof(
            leaf: entry.leaf.bytes, index: entry.index.rawValue, at: size.rawValue - 1,
            root: root.root.bytes,
            inclusionPath: inclusionProof(of: entry.index).path.map(\.bytes),
            consistencyPath: consistencyProof(from: old).path.map(\.bytes))
    }

    private func node(at position: NodePosition) -> Digest {
        if position.level == 0 { return entries[Int(position.index)].leaf }
        let level = position.level - 1
        return .node(
            node(at: NodePosition(level: level, index: 2 * position.index)),
            node(at: NodePosition(level: level, index: 2 * position.index + 1)))
    }
}
