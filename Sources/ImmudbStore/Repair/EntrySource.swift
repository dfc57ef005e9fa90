import ImmudbModel
import Ledger
import StorageIO

/// The entries of another copy of a ledger, by their indexes: those whose checksums are valid. Nothing of them is trusted.
///
/// Used by one thread.
protocol EntrySource: AnyObject {
    /// The identity of the database that was copied.
    var identity: DatabaseIdentity { get }

    /// Passes entries of the range to `body` in groups that end with a batch, each with the time of its write, until it
    /// returns false.
    ///
    /// - Returns: the index after the last entry that was passed; less than the range's end if the copy lacks the entry, or
    ///   if `body` has returned false.
    func forEachGroup(
        in range: Range<UInt64>, _ body: (EntryGroup) throws(StoreError) -> Bool
    ) throws(StoreError) -> UInt64
}

/// Entries that follow each other, the last one at the end of its batch if the copy is whole.
struct EntryGroup {
    /// Frames of about this size are made of what a copy holds.
    private static let wantedByteCount = 1 << 20

    private(set) var entries: [LedgerEntry] = []
    private(set) var timeMicroseconds: Int64 = 0
    private var byteCount = 0
    /// The entries of the last batch, if it has not ended.
    private var openEntryCount = 0

    /// - Parameters:
    ///   - byteCount: the bytes of its record.
    ///   - timeMicroseconds: when it was written; that of the first entry counts.
    mutating func append(_ entry: LedgerEntry, byteCount: Int, timeMicroseconds: Int64) {
        if entries.isEmpty { self.timeMicroseconds = timeMicroseconds }
        entries.append(entry)
        self.byteCount += byteCount
        openEntryCount = entry.isEndOfBatch ? 0 : openEntryCount + 1
    }

    var endsWithBatch: Bool { entries.last?.isEndOfBatch == true }

    /// Whether it ends with a batch and is as large as a frame should be.
    var isFull: Bool { byteCount >= Self.wantedByteCount && endsWithBatch }

    /// Whether no frame, or no batch, could hold it: then its batch does not end.
    var isTooLarge: Bool {
        byteCount > maximumFramePayloadByteCount || openEntryCount > Limits.batchEntryCount
    }

    /// Empties it, and returns what it was; nil if it was empty.
    mutating func take() -> EntryGroup? {
        guard !entries.isEmpty else { return nil }
        defer { self = EntryGroup() }
        return self
    }
}
