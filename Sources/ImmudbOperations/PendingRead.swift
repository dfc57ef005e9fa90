public import ImmudbStore

/// A located entry that is not read yet, so its size is known before its bytes take memory.
public struct PendingRead: Sendable {
    let snapshot: Snapshot
    let location: EntryLocation
    /// The size of the tree since which the entry is proven, or nil if no proof was requested.
    let since: TreeSize?

    /// The size of the entry's record: its key, its value, and a few dozen bytes more.
    public var byteCount: Int { location.byteCount }

    /// Reads the entry, and proves it if that was requested.
    ///
    /// - Throws: `corruption` if its bytes on disk are damaged; the errors of the disk.
    /// - Complexity: two reads; one more for a proof, and O(log size) steps.
    public func complete() throws(StoreError) -> (entry: Entry, proof: EntryProof?) {
        guard let since else { return (try snapshot.read(location), nil) }
        let proven = try snapshot.prove(location, since: since)
        return (proven.entry, proven.proof)
    }
}
