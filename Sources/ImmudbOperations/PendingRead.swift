public import ImmudbStore

/// A read of one entry that is located and not read yet: its size is known before its bytes take memory.
public struct PendingRead: Sendable {
    let snapshot: Snapshot
    let location: EntryLocation
    /// The size of the tree since which the entry is proven; nil if no proof is asked for.
    let since: TreeSize?

    /// Of the entry's record: its key, its value, and some tens of bytes more.
    public var byteCount: Int { location.byteCount }

    /// Reads the entry, and proves it if that was asked for.
    ///
    /// - Throws: what is wrong with its bytes on disk, or with the disk.
    /// - Complexity: two reads; one more for a proof, and O(log size) steps.
    public func complete() throws(StoreError) -> (entry: Entry, proof: EntryProof?) {
        guard let since else { return (try snapshot.read(location), nil) }
        let proven = try snapshot.prove(location, since: since)
        return (proven.entry, proven.proof)
    }
}
