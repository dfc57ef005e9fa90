public import ImmudbModel

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

extension NewEntry {
    /// Makes a second name for a key: reading the name gives the key's newest entry. One level is followed.
    ///
    /// The database checks both when it appends: the key must have been written before, or earlier in the same batch.
    public static func reference(_ name: [UInt8], to key: [UInt8]) -> NewEntry {
        NewEntry(kind: .reference, key: name, value: key)
    }

    /// Makes a member of a sorted set. It names a key, which must have been written before, or earlier in the same
    /// batch.
    ///
    /// - Parameters:
    ///   - member: the key.
    ///   - set: the name of the set.
    ///   - score: any number, infinities included; its bits are stored as they are. -0.0 is ordered as 0.0.
    /// - Throws: `invalidKey` for the member, `invalidSet`, `invalidScore` for NaN, `keyTooLong` if
    ///   set, score (8 bytes) and member together are longer than 65,000 bytes; the first that
    ///   applies.
    public static func member(
        _ member: [UInt8], of set: [UInt8], score: Double
    ) throws(StoreError) -> NewEntry {
        let key = SortedSetKey(set: set, score: score, member: member)
        try Limits.validate(newMember: key)
        return NewEntry(kind: .sortedSetMember, key: key.bytes, value: member)
    }
}
