import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree

/// Applies entries of the ledger to a key index that lacks them.
struct IndexCatchUp {
    private static let batchEntryCount = 4096
    private static let batchByteCount = 8 << 20

    let ledger: Ledger
    let index: KeyIndex
    let cancellation: Cancellation

    /// Adds the entries before `end` that the key index lacks.
    /// - Precondition: the entries before `end` are appended.
    func run(to end: TreeSize) throws(StoreError) {
        var keys: [IndexedKey] = []
        var byteCount = 0
        var next = index.completeSize.rawValue
        try ledger.forEachFrame(
            from: EntryIndex(next), to: EntryIndex(end.rawValue)
        ) { frame throws(StoreError) in
            try cancellation.check()
            try frame.forEachEntry { entry throws(StoreError) in
                guard entry.index.rawValue == next, next < end.rawValue else { return }
                keys.append(IndexedKey(entry))
                next += 1
                byteCount += entry.key.count
                if keys.count >= Self.batchEntryCount || byteCount >= Self.batchByteCount {
                    try index.applyRead(keys)
                    keys.removeAll(keepingCapacity: true)
                    byteCount = 0
                }
            }
        }
        try index.applyRead(keys)
    }
}
