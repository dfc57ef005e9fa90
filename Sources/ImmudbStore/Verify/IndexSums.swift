import KeyIndex
import Ledger
import POSIX
import StorageIO
import Synchronization

/// One walk over a key index, on a thread of its own, beside the pass over the ledger: checks the files' checksums and
/// sums the records by the segments of their entries.
///
/// Memory: the sums, and what is wrong, up to a limit.
final class IndexSums: Sendable {
    struct Found: Sendable {
        /// For each segment, the records of its entries, those included that are beyond the end of the ledger.
        var sums: [RecordSum]
        /// What is wrong with records in themselves.
        var faults: [RecordFault] = []
        /// Records that name a segment which does not exist.
        var strays: [Stray] = []
    }

    struct Stray: Sendable {
        let key: [UInt8]
        let index: EntryIndex
    }

    private let outcome: Monitor<Result<Found, StoreError>?>
    private let thread: WorkerThread
    private let isJoined = Atomic(false)

    /// Starts the walk. Nothing else may use the index before ``result()`` has returned.
    init(
        over index: IndexInspection, segmentCount: Int, hashKey: RecordHash.Key
    ) throws(StoreError) {
        let outcome = Monitor(Result<Found, StoreError>?.none)
        self.outcome = outcome
        thread = try .start("verify-index") {
            let result = Result { () throws(StoreError) in
                try Self.walk(over: index, segmentCount, hashKey)
            }
            outcome.change { $0 = result }
        }
    }

    /// Waits for the end of the walk.
    ///
    /// - Throws: what kept the index from being read.
    func result() throws(StoreError) -> Found {
        join()
        guard let result = outcome.read({ $0 }) else { preconditionFailure("the walk has ended") }
        return try result.get()
    }

    /// Waits for the end of the walk, whatever comes of it.
    func join() {
        if !isJoined.exchange(true, ordering: .relaxed) { thread.join() }
    }

    private static func walk(
        over index: IndexInspection, _ segmentCount: Int, _ hashKey: RecordHash.Key
    ) throws(StoreError) -> Found {
        try index.verifyChecksums()
        var found = Found(sums: Array(repeating: RecordSum(), count: segmentCount))
        try index.forEachRecord { record throws(StoreError) in
            let segment = Int(EntryPosition(packed: record.address.position).segment)
            guard segment < segmentCount else {
                if found.strays.count < ProblemLog.keptCount {
                    found.strays.append(
                        Stray(key: Array(record.name), index: record.address.index))
                }
                return
            }
            found.sums[segment].add(
                RecordHash.hash(
                    record.name, isMember: record.isMember, record.address, key: hashKey))
        } fault: { fault throws(StoreError) in
            if found.faults.count < ProblemLog.keptCount { found.faults.append(fault) }
        }
        return found
    }
}
