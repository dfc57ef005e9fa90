import Ledger
public import MerkleTree

/// What an entry means. All kinds are leaves of the same tree; the kind itself is not in the leaf.
public enum EntryKind: UInt8, Sendable, CaseIterable {
    /// A key and its value.
    case value = 0
    /// A name for another key, which is its value.
    case reference = 1
    /// A member of a sorted set: the key is set ‖ score, 8 bytes of its IEEE 754 bits, big-endian ‖
    /// member; the value is the member.
    case sortedSetMember = 2
}

/// An entry of the history: a key, a value, and the place that it got.
public struct Entry: Hashable, Sendable {
    public var index: EntryIndex
    public var kind: EntryKind
    public var key: [UInt8]
    public var value: [UInt8]

    public init(index: EntryIndex, kind: EntryKind = .value, key: [UInt8], value: [UInt8]) {
        self.index = index
        self.kind = kind
        self.key = key
        self.value = value
    }

    /// The entry's leaf in the Merkle tree, computed from its bytes: one hash over key and value.
    public var leaf: Digest { .leaf(index: index, key: key, value: value) }
}

/// An entry that is yet to be appended.
public struct NewEntry: Hashable, Sendable {
    public var kind: EntryKind
    public var key: [UInt8]
    public var value: [UInt8]

    public init(kind: EntryKind = .value, key: [UInt8], value: [UInt8]) {
        self.kind = kind
        self.key = key
        self.value = value
    }
}
