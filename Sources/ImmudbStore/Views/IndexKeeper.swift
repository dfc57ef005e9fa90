import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO
import Synchronization

/// The key index of an open database. Reopens or rebuilds the index after a failure.
///
/// The index is a view: an entry that is durable in the ledger is acknowledged even if its key cannot be added to the
/// index. The index is then closed, opened again, or rebuilt if it is damaged, and brought up to the ledger. Meanwhile
/// reads by key are refused (`indexBehind`), since they might miss an acknowledged entry; all other reads and all plain
/// writes continue.
final class IndexKeeper: Sendable {
    private struct State {
        var index: KeyIndex?
        /// Whether the key index lacks durable entries.
        var isBehind = false
        /// All entries before this are durable.
        var durableSize: TreeSize
        /// Whether the files are wrong, not only unreachable.
        var isDamaged = false
        /// Opens the index; rebuilds it if its argument says that the files are damaged. Nil once the keeper is closed,
        /// since the function retains the resources of the index.
        var open: (@Sendable (_ isDamaged: Bool) throws(StoreError) -> KeyIndex)?
    }

    private let state: Mutex<State>
    /// Held by the thread that repairs the index.
    private let catchingUp = Mutex(())
    private let ledger: Ledger
    private let log: LogSink
    private let path: String
    private let cancellation: Cancellation
    /// The most entries that the publisher itself applies again: about a second. After a failure there are as many as
    /// the index keeps in memory.
    private static let entriesAppliedAtOnce: UInt64 = 200_000

    init(
        _ index: KeyIndex, path: String, ledger: Ledger, cancellation: Cancellation,
        log: @escaping LogSink,
        open: @escaping @Sendable (_ isDamaged: Bool) throws(StoreError) -> KeyIndex
    ) {
        state = Mutex(State(index: index, durableSize: index.completeSize, open: open))
        self.path = path
        self.ledger = ledger
        self.cancellation = cancellation
        self.log = log
    }

    /// Returns the key index if it has all entries of a snapshot of `size`.
    func index(for size: TreeSize) throws(StoreError) -> KeyIndex {
        // Files that are wrong are not read while they wait for the repair.
        guard let index = state.withLock({ $0.isDamaged ? nil : $0.index }),
            index.completeSize >= size
        else {
            throw StoreError(
                .indexBehind,
                "the key index \(path) is being brought up to the ledger; try again later")
        }
        return index
    }

    /// Whether the index waits for ``catchUp()``.
    var isBehind: Bool { state.withLock { $0.isBehind } }

    var byteCount: UInt64 { state.withLock { $0.index }?.byteCount() ?? 0 }

    var memoryUse: KeyIndex.MemoryUse {
        state.withLock { $0.index }?.memoryUse() ?? KeyIndex.MemoryUse()
    }

    /// Requests a repair. Set once, before the index is shared.
    private let damageHandler = Mutex<@Sendable () -> Void>({})

    func onDamage(_ handler: @escaping @Sendable () -> Void) {
        damageHandler.withLock { $0 = handler }
    }

    /// Notes that the index lacks entries or has wrong ones, and requests that it is built again from the ledger. Reads by
    /// key are refused until then: they could miss an entry.
    func noteDamage(_ error: StoreError) {
        let isNew = state.withLock { state in
            defer {
                state.isBehind = true
                state.isDamaged = true
            }
            return !state.isDamaged
        }
        if isNew {
            log(
                .error,
                "\(error). The index is built again from the ledger; reads by key are refused meanwhile"
            )
        }
        damageHandler.withLock { $0 }()
    }

    // MARK: writing (one thread at a time)

    /// Adds the keys of durable entries. If that fails, tries once to reopen the index if that is fast, and otherwise
    /// leaves it behind.
    func add(_ keys: [IndexedKey], upTo size: TreeSize) {
        let (index, wasBehind) = state.withLock { state in
            state.durableSize = size
            return (state.index, state.isBehind)
        }
        if wasBehind { return }
        do throws(StoreError) {
            guard let index else { throw closedError }
            try index.apply(keys)
        } catch {
            log(
                .error,
                "\(error). The entries are in the ledger. The key index is opened again and brought up "
                    + "to it")
            state.withLock { state in
                state.isBehind = true
                state.isDamaged = error.isDamageOfIndex
            }
            do throws(StoreError) {
                try catchUp(atMost: Self.entriesAppliedAtOnce)
            } catch {
                log(
                    .error,
                    "\(error). Reads by key are refused until the key index is open again; this is retried "
                        + "until it succeeds")
            }
        }
    }

    /// Opens the index again and brings it up to the ledger, if it is behind.
    ///
    /// - Parameter atMost: if more entries are missing, they are left to a later call of this function.
    /// - Throws: the error that prevents opening or writing; `indexBehind` when too many entries are missing;
    ///   `cancelled`. The caller may try again.
    func catchUp(atMost entryCount: UInt64 = .max) throws(StoreError) {
        try catchingUp.withLock { _ throws(StoreError) in
            if isBehind { try reopen(entryCount) }
        }
    }

    private func reopen(_ entryCount: UInt64) throws(StoreError) {
        let (old, isDamaged, open) = state.withLock { state in
            defer { state.index = nil }
            return (state.index, state.isDamaged, state.open)
        }
        old?.close()
        guard !isDamaged || entryCount == .max else {
            throw StoreError(.indexBehind, "the key index \(path) is to be rebuilt")
        }
        guard let open else { throw closedError }
        let index = try open(isDamaged)
        do throws(StoreError) {
            while true {
                let target = state.withLock { state in
                    if state.durableSize <= index.completeSize {
                        state.isBehind = false
                        state.isDamaged = false
                        state.index = index
                    }
                    return state.isBehind ? state.durableSize : nil
                }
                guard let target else { break }
                guard target.rawValue - index.completeSize.rawValue <= entryCount else {
                    throw StoreError(
                        .indexBehind, "the key index \(path) lacks more than \(entryCount) entries")
                }
                try IndexCatchUp(ledger: ledger, index: index, cancellation: cancellation)
                    .run(to: target)
            }
        } catch {
            index.close()
            // Other damage is in the ledger: rebuilding the index would not help.
            state.withLock { $0.isDamaged = error.code == .index }
            throw error
        }
        log(.info, "\(path): the key index is complete again, up to entry \(index.completeSize)")
    }

    /// Writes the index's memory to disk. A failure costs only time at the next opening.
    func flush() {
        guard let index = state.withLock({ $0.index }) else { return }
        do throws(StoreError) {
            try index.flush(wait: true)
        } catch {
            log(.warning, "\(error). The next start brings the key index up to the ledger")
        }
    }

    private var closedError: StoreError { StoreError(.closed, "the key index \(path) is closed") }

    func close() {
        let index = state.withLock { state in
            defer {
                state.index = nil
                state.open = nil
            }
            return state.index
        }
        index?.close()
    }
}

extension KeyIndex {
    /// Applies keys that were read from the ledger.
    /// - Throws: `index` for damage of the index, to distinguish it from damage of the ledger.
    func applyRead(_ keys: [IndexedKey]) throws(StoreError) {
        do throws(StoreError) {
            try apply(keys)
        } catch  where error.isDamageOfIndex {
            throw StoreError(.index, "the key index is damaged", cause: error)
        }
    }
}

extension IndexedKey {
    /// Makes the key index's record of an entry that was read from the ledger.
    init(_ entry: FrameView.EntryView) {
        self.init(
            key: Array(entry.key),
            address: RecordAddress(
                index: entry.index, kind: entry.kind, position: entry.position.packed,
                length: UInt32(entry.byteCount)),
            memberLength: entry.kind == EntryKind.sortedSetMember.rawValue ? entry.value.count : 0)
    }
}
