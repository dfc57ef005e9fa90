public import ImmudbModel
import MerkleTree

/// A chunk with the leaves of its entries: the part of its verification that needs no other chunk. So a thread can hash a
/// chunk while ``BackupChain`` verifies the one before it on another.
///
/// Cost: one hash of each entry, and 32 bytes.
public struct HashedChunk: Sendable {
    public let chunk: BackupChunk
    let leaves: [Digest]

    /// - Throws: as ``BackupChunk/forEachEntry(_:)``.
    public init(_ chunk: BackupChunk) throws(StoreError) {
        var leaves: [Digest] = []
        // The header of a chunk cannot state more entries than its bytes have room for.
        leaves.reserveCapacity(chunk.entryCount)
        try chunk.forEachEntry { entry throws(StoreError) in
            leaves.append(.leaf(index: entry.index, key: entry.key, value: entry.value))
        }
        self.chunk = chunk
        self.leaves = leaves
    }
}
