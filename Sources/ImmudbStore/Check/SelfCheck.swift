import Ledger
import MerkleTree
import POSIX
import StorageIO
import Synchronization

/// Walks over the entries of an open database in blocks, in random order, on a thread of low priority, and reports damage
/// to the ``DamageRegister``.
///
/// A *round* is all entries that the database had when the round began. Where it is, is kept across restarts. Blocks with
/// damage are looked at first after a restart. A failure of the disk is no damage: it is logged, and the next round
/// comes back to the block.
final class SelfCheck: Sendable {
    /// How often its position is written.
    private static let savePeriod = Duration.seconds(60)
    /// How often an empty database is looked at.
    private static let idlePause = Duration.seconds(1)
    private static let pauseAfterFailure = Duration.seconds(2)
    /// How often a block is checked again whose tree's files did not lead to the root, each time after they were
    /// written again from the ledger.
    private static let attemptLimit = 3

    private let storage: Storage
    private let file: CheckStateFile
    private let pace: CheckPace
    private let clock: CheckClock
    private let snapshot: @Sendable () -> Snapshot
    private let isOver = Monitor(false)
    private let thread = Mutex<WorkerThread?>(nil)
    private let published = Mutex(Database.SelfCheckProgress())

    init(
        storage: Storage, options: Database.SelfCheckOptions, clock: CheckClock = .system,
        snapshot: @escaping @Sendable () -> Snapshot
    ) {
        self.storage = storage
        self.clock = clock
        self.snapshot = snapshot
        file = CheckStateFile(
            folder: storage.path, fileSystem: storage.fileSystem, log: storage.log)
        pace = CheckPace(entriesPerSecond: options.entriesPerSecond.map { max(1, $0) })
    }

    var progress: Database.SelfCheckProgress { published.withLock { $0 } }

    /// - Throws: `io` if the system has no threads left.
    func start() throws(StoreError) {
        let started = try WorkerThread.start("self-check", isInBackground: true) { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Ends the check, and waits for its thread, which stops within a read of 256 KiB.
    func end() {
        isOver.change { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private var goesOn: Bool { isOver.read { !$0 } }

    /// Waits; returns whether the check goes on.
    private func wait(_ duration: Duration) -> Bool {
        duration > .zero ? !clock.wait(duration, isOver) : goesOn
    }

    // MARK: the thread

    /// The thread's variables, and the state that is kept across restarts.
    private struct Work {
        var state: CheckState
        var savedState: CheckState?
        var savedAt: Duration
        var roundBeganAt: Duration
        /// How often blocks were checked whose tree was damaged.
        var attempts: [UInt64: Int] = [:]
        /// The ranges of damage that were known when the state was saved.
        var savedRangeCount = 0
        var hasFailedToSave = false
        /// Whether the block before could not be read: of many in a row, one line is enough.
        var hasFailedToRead = false
    }

    func run() {
        while snapshot().size.isEmpty {
            guard wait(Self.idlePause) else { return }
        }
        var work = Work(
            state: file.state(of: storage.ledger.identity, size: snapshot().size) ?? newRound(),
            savedAt: clock.now(), roundBeganAt: clock.now())
        publish(work.state)
        for block in work.state.suspects.sorted() where goesOn {
            work.state.suspects.remove(block)
            check(block, &work)
            if !goesOn { work.state.addSuspect(block) }
        }
        while goesOn {
            if let block = nextSuspect(work) {
                check(block, &work)
            } else if work.state.isRoundComplete {
                guard endRound(&work) else { break }
            } else {
                checkNext(&work)
            }
            publish(work.state)
            if clock.now() - work.savedAt >= Self.savePeriod
                || storage.damage.rangeCount != work.savedRangeCount
            {
                save(&work)
            }
        }
        save(&work)
    }

    /// A block whose tree has been written again.
    private func nextSuspect(_ work: Work) -> UInt64? {
        storage.tree.isDamaged ? nil : work.attempts.keys.min()
    }

    private func checkNext(_ work: inout Work) {
        let order = BlockOrder(count: work.state.blockCount, seed: work.state.seed)
        let block = order[work.state.doneBlockCount]
        check(block, &work)
        if goesOn { work.state.doneBlockCount += 1 }
    }

    /// Ends a round, and begins the next one when the least time of a round has passed.
    ///
    /// - Returns: whether the check goes on.
    private func endRound(_ work: inout Work) -> Bool {
        let end = work.roundBeganAt + pace.leastRoundTime
        work.state.roundCount += 1
        work.state.lastRoundEndedAt = clock.seconds()
        // Before the pause, so that no restart counts the round again.
        beginRound(&work)
        publish(work.state)
        save(&work)
        guard wait(end - clock.now()) else { return false }
        // With the entries of the pause.
        beginRound(&work)
        return true
    }

    private func beginRound(_ work: inout Work) {
        var state = newRound()
        state.roundCount = work.state.roundCount
        state.lastRoundEndedAt = work.state.lastRoundEndedAt
        state.suspects = work.state.suspects
        work.state = state
        work.roundBeganAt = clock.now()
    }

    private func newRound() -> CheckState {
        CheckState(
            seed: .random(in: .min ... .max), size: snapshot().size, beganAt: clock.seconds())
    }

    // MARK: one block

    private func check(_ number: UInt64, _ work: inout Work) {
        let wasTreeDamaged = storage.tree.isDamaged
        do throws(StoreError) {
            try check(number)
            work.attempts[number] = nil
            work.hasFailedToRead = false
        } catch {
            switch error.code {
            case .cancelled: return
            case .corruption: noteDamagedTree(number, &work, isRewritten: !wasTreeDamaged)
            default:
                work.attempts[number] = nil
                skip(number, error, &work)
            }
        }
    }

    /// Goes on behind a block that cannot be read, after a pause: there may be many of them.
    private func skip(_ number: UInt64, _ error: StoreError, _ work: inout Work) {
        published.withLock { $0.unreadBlockCount += 1 }
        storage.log(
            work.hasFailedToRead ? .debug : .error,
            "\(storage.path): the self-check cannot read the entries from \(number * BlockCheck.entryCount) on, and "
                + "goes on behind them: \(error)")
        work.hasFailedToRead = true
        _ = wait(Self.pauseAfterFailure)
    }

    private func check(_ number: UInt64) throws(StoreError) {
        var meter = WorkMeter(clock)
        var block = try BlockCheck(number, of: snapshot())
        while !block.isRead {
            try block.readNext(CheckPace.sliceEntryCount) { goesOn }
            let (time, processorTime) = meter.lap()
            let pause = pace.pause(
                after: CheckPace.sliceEntryCount, of: snapshot().size, time: time,
                processorTime: processorTime)
            guard wait(pause) else { throw StoreError(.cancelled, "stopped") }
            meter.begin()
        }
        try block.conclude { goesOn }
        let count = block.entries.upperBound.rawValue - block.entries.lowerBound.rawValue + 1
        published.withLock { $0.entryCount += count }
        let (time, processorTime) = meter.lap()
        _ = wait(
            pace.pause(
                after: 0, of: snapshot().size, time: time, processorTime: processorTime))
    }

    /// The tree's files did not lead to the root. If they still do not after they were written again from the ledger, it
    /// is the ledger that was changed.
    ///
    /// - Parameter isRewritten: whether the files were written again since they were found damaged before.
    private func noteDamagedTree(_ number: UInt64, _ work: inout Work, isRewritten: Bool) {
        work.state.addSuspect(number)
        work.attempts[number, default: 0] += isRewritten ? 1 : 0
        guard work.attempts[number] == Self.attemptLimit else { return }
        work.attempts[number] = nil
        let size = snapshot().size.rawValue
        let first = number * BlockCheck.entryCount
        let entries = EntryIndex(first)...EntryIndex(min(first + BlockCheck.entryCount, size) - 1)
        guard !storage.damage.concerns(entries) else { return }
        storage.damage.note(
            Damage(
                error: StoreError(
                    .tampered,
                    "\(storage.path)/ledger: the entries \(entries.lowerBound) to \(entries.upperBound) do not "
                        + "lead to the root that this process holds, although their checksums and the roots "
                        + "beside them fit: somebody changed them"),
                entries: entries))
    }

    // MARK: the state

    /// A failure costs a repetition after a restart, and is logged once.
    private func save(_ work: inout Work) {
        work.savedAt = clock.now()
        work.savedRangeCount = storage.damage.rangeCount
        let size = snapshot().size
        for range in storage.damage.someRanges(CheckState.suspectLimit)
        where size.contains(range.lowerBound) {
            work.state.addSuspect(BlockCheck.number(of: range.lowerBound))
        }
        guard work.savedState != work.state else { return }
        do throws(StoreError) {
            try file.replace(by: work.state.encoded(for: storage.ledger.identity))
            work.savedState = work.state
            work.hasFailedToSave = false
        } catch {
            storage.log(
                work.hasFailedToSave ? .debug : .warning,
                "\(error). The self-check goes on; after a restart it begins at an earlier place")
            work.hasFailedToSave = true
        }
    }

    private func publish(_ state: CheckState) {
        published.withLock { progress in
            progress.roundCount = state.roundCount
            progress.roundProgress = state.progress
            progress.lastRoundEndedAt = state.lastRoundEndedAt == 0 ? nil : state.lastRoundEndedAt
        }
    }
}
