import MerkleTree
import StorageIO

/// What the tree's files show about the size of the ledger: records are only marked, or as a witness only written, once
/// their entries are durable.
struct TreeWitness {
    let digests: StoredRecords?
    let places: StoredRecords?

    /// Returns the number of entries that were durable; 0 if nothing shows it.
    func size() throws(StoreError) -> UInt64 {
        guard let digests else { return places?.mark ?? 0 }
        // n leaves make 2n - popcount(n) records.
        var size = digests.mark / 2
        while TreeSize(size + 1).nodeCount <= digests.mark { size += 1 }
        size = max(size, places?.mark ?? 0)
        guard digests.isWitness else { return size }
        while try isWritten(digests, size) { size += 1 }
        return size
    }

    private func isWritten(_ digests: StoredRecords, _ leaf: UInt64) throws(StoreError) -> Bool {
        let number = NodePosition(leaf: EntryIndex(leaf)).storageIndex
        guard let digest = try digests.digest(number) else { return false }
        return digest.withUnsafeBytes { bytes in bytes.contains { $0 != 0 } }
    }
}
