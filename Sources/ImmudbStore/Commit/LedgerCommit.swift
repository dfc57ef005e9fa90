import Ledger
import MerkleTree
import StorageIO

/// Makes frames durable in the ledger's files.
///
/// Everything that can fail for lack of space comes before the first byte of a frame is written, including space for
/// the tree files: a refused group is certainly not stored.
final class LedgerCommit: FrameCommit {
    private let ledger: Ledger
    private let view: TreeView
    private let durability: Durability
    private let space: SpareSpace
    private let observer: (any CommitObserver)?
    private let clock = ContinuousClock()
    private var unsynchronizedSince: ContinuousClock.Instant?

    init(_ storage: Storage, durability: Durability, observer: (any CommitObserver)?) {
        self.observer = observer
        ledger = storage.ledger
        view = storage.tree
        self.durability = durability
        space = SpareSpace(storage)
    }

    func commit(_ size: FrameSize, plan: (EntryPosition) -> CommitPlan) -> FrameOutcome {
        let position: EntryPosition
        do throws(StoreError) {
            position = try reserve(size)
        } catch {
            return .notStored(error)
        }
        space.note(size.payloadByteCount)
        let plan = plan(position)
        do throws(StoreError) {
            try ledger.append(plan.frame)
            if durability == .always {
                try synchronize()
            } else {
                noteUnsynchronized()
            }
        } catch {
            return .unknown(error)
        }
        return .durable(plan)
    }

    private func reserve(_ size: FrameSize) throws(StoreError) -> EntryPosition {
        try space.require()
        try view.reserve(TreeSize(ledger.size.rawValue + UInt64(size.entryCount)))
        return try ledger.prepareFrame(payloadByteCount: size.payloadByteCount)
    }

    // MARK: durability by interval

    private func noteUnsynchronized() {
        if unsynchronizedSince == nil { unsynchronizedSince = clock.now }
    }

    var millisecondsToSync: Int? {
        guard case .interval(let milliseconds) = durability, let since = unsynchronizedSince
        else { return nil }
        let passed = (clock.now - since) / .milliseconds(1)
        return max(0, milliseconds - Int(passed))
    }

    func synchronizeIfDue() throws(StoreError) {
        guard millisecondsToSync == 0 else { return }
        unsynchronizedSince = nil
        try synchronize()
    }

    private func synchronize() throws(StoreError) {
        guard let observer else { return try ledger.synchronize() }
        let began = clock.now
        try ledger.synchronize()
        observer.synchronized(in: clock.now - began)
    }
}
