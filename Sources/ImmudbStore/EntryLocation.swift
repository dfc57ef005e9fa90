import KeyIndex
public import MerkleTree

/// Where an entry is that a snapshot holds, and how large it is; nothing of it has been read.
///
/// An entry may be too large for where it would be read: on a thread that others wait for, or without
/// knowing that there is memory for it. So it is located first, by ``Snapshot/locate(_:)`` or
/// ``Snapshot/locate(at:)``, and then read or proven.
public struct EntryLocation: Sendable {
    public let index: EntryIndex
    /// Of the entry's record: key, value, and some tens of bytes more.
    public let byteCount: Int
    /// What the key index says of it; nil if it was located by its index.
    let indexed: IndexedPlace?

    struct IndexedPlace: Sendable {
        let key: [UInt8]
        let place: EntryPlace
    }
}
