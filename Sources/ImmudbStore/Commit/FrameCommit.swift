import Ledger
import StorageIO

/// The seam at which a planned frame becomes durable. Today that is ``LedgerCommit``: local files. A log
/// that several servers share can take its place.
///
/// One thread at a time calls it.
protocol FrameCommit {
    /// Reserves room for a frame, has it planned there, writes it, and makes it durable.
    ///
    /// - Parameter plan: plans the frame for the position that was reserved. What it returns holds for
    ///   that position only.
    func commit(_ size: FrameSize, plan: (EntryPosition) -> CommitPlan) -> FrameOutcome

    /// How long written frames may still wait for ``synchronizeIfDue()``; nil if none waits.
    var millisecondsToSync: Int? { get }

    /// Makes durable what was written without that, if its time has come.
    /// - Throws: what is written may not be durable; no more may be written.
    func synchronizeIfDue() throws(StoreError)
}

/// What became of a frame.
enum FrameOutcome {
    /// Stored, as durably as ``Durability`` asks for. Nothing may fail the group any more.
    case durable(CommitPlan)
    /// Nothing of the frame was written: it is certainly not stored. The next frame may have more luck,
    /// unless the code is `writesStopped`: then earlier frames are in doubt, and no more may be written.
    case notStored(StoreError)
    /// The frame may be stored or not; the next opening tells. No more may be written.
    case unknown(StoreError)
}
