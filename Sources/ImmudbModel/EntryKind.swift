/// The meaning of an entry. All kinds are leaves of the same tree; the kind itself is not in the leaf.
public enum EntryKind: UInt8, Sendable, CaseIterable {
    /// A key and its value.
    case value = 0
    /// A name for another key, which is its value.
    case reference = 1
    /// A member of a sorted set: the key is a `SortedSetKey`, the value is the member.
    case sortedSetMember = 2
}
