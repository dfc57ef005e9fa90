import Ledger
import StorageIO

/// Makes a planned frame durable: the seam for other storage. Today the only implementation is ``LedgerCommit``, local
/// files; a log that several servers share can replace it.
///
/// Called by one thread at a time.
protocol FrameCommit {
    /// Reserves room for a frame, has it planned there, writes it, and makes it durable.
    ///
    /// - Parameter plan: plans the frame for the reserved position. Its result is valid only for that position.
    func commit(_ size: FrameSize, plan: (EntryPosition) -> CommitPlan) -> FrameOutcome

    /// How long written frames may wait for ``synchronizeIfDue()``; nil if none waits.
    var millisecondsToSync: Int? { get }

    /// Makes frames durable that were written but not synchronized, if their time has come.
    /// - Throws: written frames may not be durable; no more may be written.
    func synchronizeIfDue() throws(StoreError)
}

/// The outcome of a frame.
enum FrameOutcome {
    /// The frame is stored, as durably as ``Durability`` specifies. Nothing may fail the group any more.
    case durable(CommitPlan)
    /// Nothing of the frame was written: it is certainly not stored. The next frame may succeed, unless the code is
    /// `writesStopped`: then earlier frames are in doubt, and no more may be written.
    case notStored(StoreError)
    /// The frame may or may not be stored; the next opening finds out. No more may be written.
    case unknown(StoreError)
}
