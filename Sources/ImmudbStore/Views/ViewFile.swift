import StorageIO
import Synchronization

/// A file of records of one size, one after the other: a view of the ledger with one record for each entry or node.
///
/// Its head contains a mark, the number of records that are complete and durable. After a crash, the bytes beyond the
/// mark may be anything and are derived again. A file that cannot be valid is rebuilt.
///
/// A failed write loses nothing: its records wait in memory (`PendingRecords`), where they are read as well, and are
/// written later.
///
/// One thread writes records, one sets marks, any thread reads.
final class ViewFile: Sendable {
    /// The space that is reserved at a time.
    private static let allocationByteCount: UInt64 = 4 << 20

    private struct State {
        var reservedByteCount: UInt64
        var head: ViewHead
        /// Whether damage was found while the file is in use: the mark stays 0 until the records are written again.
        var isDamaged = false
        /// How many times damage was found.
        var damageCount = 0
        /// Whether a synchronization failed: the content of the disk beyond the mark is unknown.
        var needsRewrite = false
        var pending = PendingRecords()
    }

    let file: any StorageFile
    let recordByteCount: Int
    /// The mark that the file had when it was opened; 0 if the file is shorter than that.
    let markAtOpen: UInt64
    private let state: Mutex<State>
    /// Whether records wait in memory. Readers check this first, and take no lock if none wait.
    private let hasPending = Atomic(false)
    private let log: LogSink

    var path: String { file.path }

    /// Opens the file, or creates it, or rebuilds it if it is damaged or belongs to another database.
    init(
        path: String, kind: ViewHead.Kind, identity: DatabaseIdentity, fileSystem: any FileSystem,
        log: @escaping LogSink
    ) throws(StoreError) {
        var exists = try fileSystem.exists(path)
        let file: any StorageFile
        do throws(StoreError) {
            file = try fileSystem.open(path, exists ? .readWrite : .createNew)
        } catch  where error.code == .corruption {
            log(.warning, "\(error); it is made again from the ledger")
            try fileSystem.removeFile(path)
            file = try fileSystem.open(path, .createNew)
            exists = false
        }
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
        // The pending records are the last ones; the ones before them are in the file.
        let count = state.withLock { $0.pending.copy(into: buffer, from: offset(first)) }
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(buffer.count - count)])
        if !rest.isEmpty { try file.readExactly(into: rest, at: offset(first)) }
    }

    /// Makes room, so that writing the records before `end` cannot fail for lack of space.
    func reserve(to end: UInt64) throws(StoreError) {
        let needed = offset(end)
        let reserved = state.withLock { $0.reservedByteCount }
        guard needed > reserved else { return }
        let target = max(needed, reserved + Self.allocationByteCount)
        try file.allocate(byteCount: target)
        state.withLock { $0.reservedByteCount = target }
    }

    /// Adds records after the last one: to the file or, if that fails, to those that wait.
    func write(_ records: UnsafeRawBufferPointer, from first: UInt64) {
        if !hasPending.load(ordering: .relaxed) {
            do throws(StoreError) {
                return try file.write(records, at: offset(first))
            } catch {
                log(
                    .warning,
                    "\(error); the records are kept in memory until they can be written"
                )
            }
        }
        state.withLock { $0.pending.add(records, at: offset(first)) }
        hasPending.store(true, ordering: .releasing)
    }

    /// Writes the records that wait, if there are any.
    ///
    /// - Throws: the operating system's error; they then keep waiting.
    func writePending() throws(StoreError) {
        guard hasPending.load(ordering: .acquiring) else { return }
        let result = state.withLock { state in
            Result { () throws(StoreError) -> Void in
                try state.pending.write(to: file)
                hasPending.store(false, ordering: .releasing)
            }
        }
        try result.get()
        log(.info, "\(path): the records that were kept in memory are written")
    }

    /// The bytes that wait to be written.
    var pendingByteCount: Int {
        hasPending.load(ordering: .relaxed) ? state.withLock { $0.pending.byteCount } : 0
    }

    /// Writes existing records again. Only for the thread that sets marks.
    func rewrite(_ records: UnsafeRawBufferPointer, from first: UInt64) throws(StoreError) {
        try file.write(records, at: offset(first))
    }

    /// Drops the records from `end` on; space that is reserved there later reads as zeros.
    func truncate(to end: UInt64) throws(StoreError) {
        guard try file.byteCount() > offset(end) else { return }
        try file.truncate(to: offset(end))
        state.withLock { $0.reservedByteCount = offset(end) }
    }

    func byteCount() throws(StoreError) -> UInt64 { try file.byteCount() }

    private func offset(_ record: UInt64) -> UInt64 { ViewHead.offset(of: record, recordByteCount) }

    // MARK: the head

    /// How many records were valid and durable when the mark was last set.
    var mark: UInt64 { state.withLock { $0.isDamaged ? 0 : $0.head.mark } }

    /// Makes the first `mark` records durable, then sets the mark.
    ///
    /// - Throws: the operating system's error. After a failed synchronization the records beyond the old mark must be
    ///   written again: see ``TreeRewrite``.
    func checkpoint(_ mark: UInt64) throws(StoreError) {
        guard !state.withLock({ $0.needsRewrite }) else {
            throw StoreError(.io, "\(path) could not be synchronized, and is to be written again")
        }
        try synchronize()
        try changeHead { $0.mark = mark }
    }

    var damageCount: Int { state.withLock { $0.damageCount } }
    var isDamaged: Bool { state.withLock { $0.isDamaged } }

    /// Sets the mark as ``checkpoint(_:)`` does, after all records beyond the mark were written again. The file is no
    /// longer damaged, unless damage was found after `damageCount` was read.
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

    /// Changes the head durably, before records change.
    ///
    /// - Parameters:
    ///   - mark: the number of records that stay as they are.
    ///   - isWitness: whether records are only added for entries that are synchronized.
    func begin(mark: UInt64, isWitness: Bool) throws(StoreError) {
        try changeHead {
            $0.mark = mark
            $0.isWitness = isWitness
        }
        try file.synchronize()
    }

    /// Sets the mark to 0, so that all records are derived again: now, or by the next opening.
    func markDamaged() {
        state.withLock { state in
            if !state.isDamaged {
                state.head.mark = 0
                // If this fails, the next opening finds the same damage that the caller reports now.
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
