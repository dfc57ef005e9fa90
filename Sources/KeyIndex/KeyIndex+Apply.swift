import MerkleTree
public import StorageIO
import Synchronization

extension KeyIndex {
    /// After this many entries the memtable is written to disk, so that few entries have to be applied again after a
    /// crash: 100,000 entries take a fraction of a second.
    static let entriesPerFlush = 100_000

    /// Adds entries whose indexes continue `completeSize` without a gap.
    ///
    /// All of them become visible at once, with the new `completeSize`; when this returns, readers find them. They are
    /// not durable then. Each entry costs a look-up and a put; one that displaces an older version of its key costs
    /// another put. A second caller waits for the first. RocksDB makes the caller wait if it cannot write to disk as
    /// fast.
    ///
    /// - Throws: code `.closed`, `.corruption`, or an error of the file system; then none of the entries was added.
    ///   After a file could not be written, each call of this function throws that error, until the index is closed and
    ///   opened again; reads continue.
    public func apply(_ entries: [IndexedKey]) throws(StoreError) {
        guard !entries.isEmpty else { return }
        try database.reading { () throws(StoreError) in
            try writer.withLock { writer throws(StoreError) in
                let end = TreeSize(completeSize.rawValue + UInt64(entries.count))
                for (offset, entry) in entries.enumerated() {
                    precondition(
                        entry.address.index.rawValue == completeSize.rawValue + UInt64(offset),
                        "entry \(entry.address.index) applied after \(completeSize) + \(offset)")
                }
                try writer.write(entries, newSize: end, to: database)
                advance(to: end)
                if writer.entriesSinceFlush >= Self.entriesPerFlush {
                    writer.entriesSinceFlush = 0
                    // The result only affects how much is applied again after a crash. A full disk, for example, is
                    // reported by the next write.
                    try? database.flush(wait: false)
                }
            }
        }
    }
}
