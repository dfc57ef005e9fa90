import KeyIndex
public import MerkleTree

/// The address and the size of an entry in a snapshot. The entry itself is not read.
///
/// Locate an entry first, by ``Snapshot/locate(_:)`` or ``Snapshot/locate(at:)``, when it may be too large
/// for the calling thread or for the memory at hand; then read or prove it there or elsewhere.
public struct EntryLocation: Sendable {
    public let index: EntryIndex
    /// The size of the entry's record: key, value, and some tens of bytes more.
    public let byteCount: Int
    /// The record in the key index; nil if the entry was located by its index.
    let indexed: IndexedRecord?

    struct IndexedRecord: Sendable {
        let key: [UInt8]
        let address: RecordAddress
    }
}
