import StorageIO
import Synchronization

/// A file of records of one size, one after the other: a view of the ledger with one record for
/// each entry or node.
///
/// Its head carries a mark: so many records are complete and durable. What lies behind the mark may
/// be anything after a crash and is derived again. A file that cannot be right is rebuilt: it is
/// a view.
///
/// A write that fails loses nothing: its records wait in memory (`PendingRecords`), where they are
/// read as well, and are written later.
///
/// One thread writes records, one sets marks, any thread reads.
final class ViewFile: Sendable {
    /// The space that is reserved at a time.
    private static let allocationByteCount: UInt64 = 4 << 20

    private struct State {
        var reservedByteCount: UInt64
        var head: ViewHead
        /// Found to be wrong while in use: the mark stays 0 until the records were written again.
        var isDamaged = false
        /// How often it was found to be wrong.
        var damageCount = 0
        /// A synchronization failed: what the disk holds behind the mark is unknown.
        var needsRewrite = false
        var pending = PendingRecords()
    }

    let file: any StorageFile
    let recordByteCount: Int
    /// The mark that the file had when it was opened; 0 if the file is shorter than that.
    let markAtOpen: UInt64
    private let state: Mutex<State>
    /// Whether records wait in memory. Readers look here first, and take no lock if none do.
    private let hasPending = Atomic(false)
    private let log: LogSink

    var path: String { file.path }

    /// Opens the file, or creates it, or rebuilds it when it is damaged or not this database's.
    init(
        path: String, kind: ViewHead.Kind, identity: DatabaseIdentity, fileSystem: any FileSystem,
        log: @escaping LogSink
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
                    "\(path) is damaged or of another database; it is rebuilt from the ledger")
                try file.truncate(to: 0)
            }
        }
        self.file = file
        self.log = log
        recordByteCount = kind.recordByteCount
        let byteCount = try file.byteCount()
        if head.mark > 0, byteCount < ViewHead.offset(of: head.mark, kind.recordByteCount) {
            log(.warning, "\(path) is cut short; it is rebuilt from the ledger")
            head.mark = 0
        }
        markAtOpen = head.mark
        state = Mutex(State(reservedByteCount: byteCount, head: head))
    }

    // MARK: records

    /// Reads as many records as fit into the buffer, from number `first` on.
    func read(into buffer: UnsafeMutableRawBufferPointer, from first: UInt64) throws(StoreError) {
        guard hasPending.load(ordering: .acquiring) else {
            return try file.readExactly(into: buffer, at: offset(first))
        }
        // Those that wait are the last ones; what comes before them is in the file.
        let count = state.withLock { $0.pending.copy(into: buffer, from: offset(first)) }
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(buffer.count - count)])
        if !rest.isEmpty { try file.readExactly(into: rest, at: offset(first)) }
    }

    /// Makes room, so that the writes up to record `end` cannot fail for lack of space.
    func reserve(to end: UInt64) throws(StoreError) {
        let needed = offset(end)
        let reserved = state.withLock { $0.reservedByteCount }
        guard needed > reserved else { return }
        let target = max(needed, reserved + Self.allocationByteCount)
        try file.allocate(byteCount: target)
        state.withLock { $0.reservedByteCount = target }
    }

    /// Adds records behind the last one, to the file or, where that fails, to those that wait.
    func write(_ records: UnsafeRawBufferPointer, from first: UInt64) {
        if !hasPending.load(ordering: .relaxed) {
            do throws(StoreError) {
                return try file.write(records, at: offset(first))
            } catch {
                log(
                    .warning,
                    "\(error); what follows from the ledger is kept in memory until it can be written"
                )
            }
        }
        state.withLock { $0.pending.add(records, at: offset(first)) }
        hasPending.store(true, ordering: .releasing)
    }

    /// Writes the records that wait, if there are any.
    ///
    /// - Throws: the operating system's error; they wait on.
    func writePending() throws(StoreError) {
        guard hasPending.load(ordering: .acquiring) else { return }
        let result = state.withLock { state in
            Result { () throws(StoreError) -> Void in
                try state.pending.write(to: file)
                hasPending.store(false, ordering: .releasing)
            }
        }
        try result.get()
        log(.info, "\(path): what was kept in memory is written")
    }

    /// The bytes that wait to be written.
    var pendingByteCount: Int {
        hasPending.load(ordering: .relaxed) ? state.withLock { $0.pending.byteCount } : 0
    }

    /// Writes records that are there already once more. For the thread that sets marks.
    func rewrite(_ records: UnsafeRawBufferPointer, from first: UInt64) throws(StoreError) {
        try file.write(records, at: offset(first))
    }

    /// Drops the records from number `end` on; what is reserved there later reads as zeros.
    func truncate(to end: UInt64) throws(StoreError) {
        guard try file.byteCount() > offset(end) else { return }
        try file.truncate(to: offset(end))
        state.withLock { $0.reservedByteCount = offset(end) }
    }

    func byteCount() throws(StoreError) -> UInt64 { try file.byteCount() }

    private func offset(_ record: UInt64) -> UInt64 { ViewHead.offset(of: record, recordByteCount) }

    // MARK: the head

    /// The records that were right and durable when this was last said.
    var mark: UInt64 { state.withLock { $0.isDamaged ? 0 : $0.head.mark } }

    /// Says that the first `mark` records are right, after making them durable.
    ///
    /// - Throws: the operating system's error. After a failed synchronization the records behind the
    ///   old mark must be written again: see ``TreeRewrite``.
    func checkpoint(_ mark: UInt64) throws(StoreError) {
        guard !state.withLock({ $0.needsRewrite }) else {
            throw StoreError(.io, "\(path) could not be synchronized, and is to be written again")
        }
        try synchronize()
        try changeHead { $0.mark = mark }
    }

    var damageCount: Int { state.withLock { $0.damageCount } }

    /// As ``checkpoint(_:)``, when all records behind the mark were written again. A damaged file is
    /// none any more, unless damage was found after `damageCount` was read.
    func checkpointRewritten(_ mark: UInt64, since damageCount: Int) throws(StoreError) {
        try synchronize()
        state.withLock { state in
            state.needsRewrite = false
            if state.damageCount == damageCount { state.isDamaged = false }
        }
        try changeHead { $0.mark = mark }
    }

    private func synchronize() throws(StoreError) {
        do throws(StoreError) {
            try file.synchronize()
        } catch {
            state.withLock { $0.needsRewrite = true }
            throw error
        }
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

    /// Gives up the mark, so that all records are derived again: now, or by the next opening.
    func markDamaged() {
        state.withLock { state in
            if !state.isDamaged {
                state.head.mark = 0
                // If even this fails, the next opening finds the same damage that the caller reports now.
                try? file.write(state.head.bytes, at: 0)
            }
            state.isDamaged = true
            state.damageCount += 1
        }
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
