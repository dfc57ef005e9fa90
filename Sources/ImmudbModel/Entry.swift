public import MerkleTree

/// An entry of the history: a key, a value, and their index.
public struct Entry: Hashable, Sendable {
    /// The number in the history, from 0.
    public var index: EntryIndex
    /// The meaning of the value; nil if it is unknown: the wire of immudb 0.6 does not state it.
    public var kind: EntryKind?
    public var key: [UInt8]
    /// The bytes as stored, which the leaf covers.
    public var value: [UInt8]

    public init(index: EntryIndex, kind: EntryKind? = nil, key: [UInt8], value: [UInt8]) {
        self.index = index
        self.kind = kind
        self.key = key
        self.value = value
    }

    /// The entry's leaf in the Merkle tree, computed from its bytes: one hash over key and value.
    public var leaf: Digest { .leaf(index: index, key: key, value: value) }
}

/// An entry with its proof.
public struct ProvenEntry: Hashable, Sendable {
    public var entry: Entry
    public var proof: EntryProof

    public init(entry: Entry, proof: EntryProof) {
        self.entry = entry
        self.proof = proof
    }
}
