import ImmudbBackup
import Ledger
import StorageIO

/// The entries of a full backup and its incrementals, or of some of them: those in chunks whose checksums are valid.
///
/// Memory: the places of the chunks, a chunk, and the batch that is being read.
final class BackedUpEntries: EntrySource {
    private let chunks: BackupChunks

    var identity: DatabaseIdentity { chunks.identity }

    /// Finds the chunks of backups.
    ///
    /// - Parameter paths: the files, in any order.
    /// - Throws: `incompatibleFormat` or `corruption` if a file does not begin as a backup does; `foreignDatabase` if they
    ///   are of several databases; the operating system's errors.
    init(_ paths: [String], fileSystem: any FileSystem) throws(StoreError) {
        chunks = try BackupChunks(paths, fileSystem: fileSystem)
    }

    func forEachGroup(
        in range: Range<UInt64>, _ body: (EntryGroup) throws(StoreError) -> Bool
    ) throws(StoreError) -> UInt64 {
        var next = range.lowerBound
        var passed = next
        var goesOn = true
        var group = EntryGroup()
        func pass(_ whole: EntryGroup?) throws(StoreError) {
            guard let whole else { return }
            passed = next
            goesOn = try body(whole)
        }
        while goesOn, !group.isTooLarge, next < range.upperBound,
            let chunk = try chunks.chunk(containing: EntryIndex(next))
        {
            let first = next
            do throws(StoreError) {
                try chunk.forEachEntry { entry throws(StoreError) in
                    guard goesOn, !group.isTooLarge, entry.index.rawValue == next,
                        next < range.upperBound
                    else { return }
                    // The database had written what is before as a frame of its own.
                    if entry.isFirstOfFrame, group.endsWithBatch { try pass(group.take()) }
                    guard goesOn else { return }
                    group.append(
                        LedgerEntry(entry),
                        byteCount: EntryHeader.byteCount + entry.key.count + entry.value.count,
                        timeMicroseconds: entry.timeMicroseconds)
                    next += 1
                    if group.isFull { try pass(group.take()) }
                }
            } catch {
                // A chunk whose checksums fit is not one, nevertheless: what it holds before that may be used.
                guard error.code == .corruption || error.code == .incompatibleFormat else {
                    throw error
                }
                break
            }
            if next == first { break }
        }
        if goesOn, !group.isTooLarge { try pass(group.take()) }
        return passed
    }
}

extension LedgerEntry {
    fileprivate init(_ entry: BackupEntry) {
        self.init(
            index: entry.index, kind: entry.kind.rawValue, isEndOfBatch: entry.isEndOfBatch,
            key: Array(entry.key), value: Array(entry.value))
    }
}
