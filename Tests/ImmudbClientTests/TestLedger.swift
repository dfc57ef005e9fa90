import ImmudbClient
import MerkleTree

/// An honest ledger in memory, with entries and true proofs, for servers that lie about it.
struct TestLedger: Sendable {
    private(set) var entries: [Entry] = []
    /// The keys whose newest entry is a reference.
    private var references: Set<[UInt8]> = []

    /// Makes a ledger of `count` entries `key<n>`, `value<n>`. Another `salt` makes another
    /// history.
    init(count: Int = 0, salt: String = "") {
        for number in 0..<count {
            append(Array("key\(number)".utf8), Array("value\(number)\(salt)".utf8))
        }
    }

    var size: TreeSize { TreeSize(UInt64(entries.count)) }

    @discardableResult
    mutating func append(_ key: [UInt8], _ value: [UInt8]) -> Entry {
        let entry = Entry(index: EntryIndex(UInt64(entries.count)), key: key, value: value)
        entries.append(entry)
        return entry
    }

    mutating func appendReference(_ name: [UInt8], to key: [UInt8]) -> Entry {
        references.insert(name)
        return append(name, key)
    }

    /// Returns the answer to a read of a key. Follows a reference.
    func read(_ key: [UInt8]) -> Entry? {
        guard let entry = newest(key), references.contains(key) else { return newest(key) }
        return newest(entry.value)
    }

    mutating func removeLast(_ count: Int) { entries.removeLast(count) }

    func newest(_ key: [UInt8]) -> Entry? { entries.last { $0.key == key } }

    func root(of size: TreeSize) -> TrustedRoot {
        TrustedRoot(size: size, root: merkleRoot(of: size) { node(at: $0) })
    }

    var root: TrustedRoot { root(of: size) }

    func inclusionProof(of index: EntryIndex) -> InclusionProof {
        InclusionProof(of: index, in: size) { node(at: $0) }
    }

    func consistencyProof(from old: TreeSize) -> ConsistencyProof {
        ConsistencyProof(from: old, to: size) { node(at: $0) }
    }

    /// Returns the proof in the answer of a Safe call to a client that trusts a tree of `trusted`
    /// entries.
    func proof(of entry: Entry, since trusted: TreeSize) -> UncheckedProof {
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
