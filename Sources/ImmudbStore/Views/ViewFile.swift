import StorageIO
import Synchronization

/// A file of records of one size, number i at place i: a view of the ledger with one record for
/// each entry or node.
///
/// Its head carries a mark: so many records are complete and durable. What lies behind the mark may
/// be anything after a crash and is derived again. A file that cannot be right is made anew: it is
/// a view.
///
/// One thread writes records, one sets marks, any thread reads.
final class ViewFile: Sendable {
    /// The space that is reserved at a time.
    private static let allocationByteCount: UInt64 = 4 << 20

    private struct State {
        var reservedByteCount: UInt64
        var head: ViewHead
        /// Found to be wrong while in use: the mark stays 0.
        var isDamaged = false
    }

    let file: any StorageFile
    let recordByteCount: Int
    /// The mark that the file had when it was opened; 0 if the file is shorter than that.
    let markAtOpen: UInt64
    private let state: Mutex<State>

    var path: String { file.path }

    /// Opens the file, or makes it, or makes it anew when it is damaged or not this database's.
    init(
        path: String, kind: ViewHead.Kind, identity: DatabaseIdentity, fileSystem: any FileSystem,
        log: LogSink
    ) throws(StoreError) {
        let exists = try fileSystem.exists(path)
        let file = try fileSystem.open(path, exists ? .readWrite : .createNew)
        var head = ViewHead(kind: kind, identity: identity)
        if exists {
            let bytes = try file.read(byteCount: ViewHead.usedByteCount, at: 0)
            if let found = ViewHead(bytes, kind: kind, identity: identity) {
                head = found
            } else {
                log(
                    .warning,
                    "\(path) is damaged or of another database; it is made anew from the ledger")
                try file.truncate(to: 0)
            }
        }
        self.file = file
        recordByteCount = kind.recordByteCount
        let byteCount = try file.byteCount()
        if head.mark > 0, byteCount < ViewHead.place(of: head.mark, kind.recordByteCount) {
            log(.warning, "\(path) is cut short; it is made anew from the ledger")
            head.mark = 0
        }
        markAtOpen = head.mark
        state = Mutex(State(reservedByteCount: byteCount, head: head))
    }

    // MARK: records

    /// Reads as many records as fit into the buffer, from number `first` on.
    func read(into buffer: UnsafeMutableRawBufferPointer, from first: UInt64) throws(StoreError) {
        try file.readExactly(into: buffer, at: place(first))
    }

    /// Makes room, so that the writes up to record `end` cannot fail for lack of space.
    func reserve(to end: UInt64) throws(StoreError) {
        let needed = place(end)
        let reserved = state.withLock { $0.reservedByteCount }
        guard needed > reserved else { return }
        let target = max(needed, reserved + Self.allocationByteCount)
        try file.allocate(byteCount: target)
        state.withLock { $0.reservedByteCount = target }
    }

    func write(_ records: UnsafeRawBufferPointer, from first: UInt64) throws(StoreError) {
        try file.write(records, at: place(first))
    }

    /// Drops the records from number `end` on; what is reserved there later reads as zeros.
    func truncate(to end: UInt64) throws(StoreError) {
        guard try file.byteCount() > place(end) else { return }
        try file.truncate(to: place(end))
        state.withLock { $0.reservedByteCount = place(end) }
    }

    func byteCount() throws(StoreError) -> UInt64 { try file.byteCount() }

    private func place(_ record: UInt64) -> UInt64 { ViewHead.place(of: record, recordByteCount) }

    // MARK: the head

    /// Says that the first `mark` records are right, after making them durable.
    func checkpoint(_ mark: UInt64) throws(StoreError) {
        try file.synchronize()
        try changeHead { $0.mark = mark }
    }

    /// Says, durably and before records change, what the file holds from now on.
    ///
    /// - Parameters:
    ///   - mark: the records that stay as they are.
    ///   - isWitness: whether records are only added for entries that are synchronized.
    func begin(mark: UInt64, isWitness: Bool) throws(StoreError) {
        try changeHead {
            $0.mark = mark
            $0.isWitness = isWitness
        }
        try file.synchronize()
    }

    /// Gives up the mark, so that the next opening derives all records again.
    func markDamaged() {
        // If even this fails, the next opening finds the same damage that the caller reports now.
        try? changeHead { $0.mark = 0 }
        state.withLock { $0.isDamaged = true }
    }

    private func changeHead(_ change: (inout ViewHead) -> Void) throws(StoreError) {
        let result = state.withLock { state in
            Result { () throws(StoreError) -> Void in
                guard !state.isDamaged else { return }
                change(&state.head)
                try file.write(state.head.bytes, at: 0)
            }
        }
        try result.get()
    }
}
