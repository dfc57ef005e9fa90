import Ledger
import MerkleTree
import StorageIO

/// The first stage of the pipeline: takes groups from the queue, has them planned and made durable, one after the
/// other, and passes them to the publisher.
///
/// Only its own thread makes and uses it.
final class Committer {
    private let queue: CommitQueue
    private let frames: any FrameCommit
    private let view: TreeView
    private let publisher: Publisher
    private let writes: WriteStop
    private let observer: (any CommitObserver)?
    /// The tree of all durable entries.
    private var tree: MerkleAccumulator
    private let buffer = FrameBuffer()

    init(
        _ queue: CommitQueue, frames: any FrameCommit, view: TreeView, publisher: Publisher,
        writes: WriteStop, observer: (any CommitObserver)?
    ) {
        self.queue = queue
        self.frames = frames
        self.view = view
        self.publisher = publisher
        self.writes = writes
        self.observer = observer
        tree = publisher.snapshot.tree
    }

    /// Runs until the queue is closed and empty.
    func run() {
        while let group = nextGroup() {
            let wanted = withoutCancelled(group)
            if let failure = writes.failure {
                wanted.fail(failure)
            } else if !wanted.isEmpty {
                commit(wanted)
            }
            do throws(StoreError) {
                try frames.synchronizeIfDue()
            } catch {
                writes.stop(error)
            }
        }
        publisher.close()
    }

    private func nextGroup() -> [CommitUnit]? {
        publisher.waitForRoom()
        return queue.takeGroup(timeoutMilliseconds: frames.millisecondsToSync)
    }

    private func withoutCancelled(_ group: [CommitUnit]) -> [CommitUnit] {
        guard group.contains(where: { $0.isCancelled() }) else { return group }
        return group.filter { unit in
            guard unit.isCancelled() else { return true }
            unit.completion(
                .failure(StoreError(.cancelled, "cancelled before anything was written")))
            return false
        }
    }

    /// Makes one group durable and passes it on, or fails its callers.
    private func commit(_ units: [CommitUnit]) {
        let size = FrameSize(units)
        let outcome = frames.commit(size) { position in
            CommitPlan(units, after: tree, at: position, in: buffer)
        }
        switch outcome {
        case .notStored(let error):
            observer?.failed(appendCount: units.count, error.code)
            units.fail(refusal(for: error))
        case .unknown(let error):
            observer?.failed(appendCount: units.count, .outcomeUnknown)
            writes.stop(error)
            let unknown = StoreError(
                .outcomeUnknown,
                "the disk failed during the write: it may or may not have been stored",
                cause: error)
            units.fail(unknown)
        case .durable(let plan):
            // From here on nothing may fail these callers.
            observer?.committed(entryCount: size.entryCount, byteCount: size.payloadByteCount)
            tree = plan.tree
            view.append(plan.addition, from: plan.before)
            publisher.publish(CommitGroup(units, plan), nobodyWaits: queue.isEmpty)
        }
    }

    /// Returns the error for callers of whose entries nothing was written.
    private func refusal(for error: StoreError) -> StoreError {
        switch error.code {
        case .writesStopped: writes.stop(error)
        case .noSpace, .tooLarge: error
        default:
            StoreError(
                .notStored,
                "the disk failed before anything was written; try again later", cause: error)
        }
    }
}

extension [CommitUnit] {
    fileprivate func fail(_ error: StoreError) {
        for unit in self { unit.completion(.failure(error)) }
    }
}
