import Ledger
import MerkleTree
import OwnThread
import POSIX
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import ImmudbStore

/// The committer's loop, with outcomes from a script.
@Suite("The committer", .ownThread)
struct CommitterTests {
    /// Gives each frame the next outcome of a script, and writes durable ones to the ledger.
    private final class ScriptedCommit: FrameCommit {
        enum Step {
            case durable
            case refused(StoreError.Code)
            case unknown
        }

        private var script: [Step]
        private let ledger: LedgerCommit
        private(set) var plannedFrom: [UInt64] = []

        init(_ script: [Step], _ storage: Storage) {
            self.script = script
            ledger = LedgerCommit(storage, durability: .always, observer: nil)
        }

        var millisecondsToSync: Int? { nil }
        func synchronizeIfDue() throws(StoreError) {}

        func commit(_ size: FrameSize, plan: (EntryPosition) -> CommitPlan) -> FrameOutcome {
            switch script.removeFirst() {
            case .refused(let code): return .notStored(StoreError(code, "script"))
            case .unknown:
                // The frame was planned, and is lost.
                plannedFrom.append(plan(EntryPosition(segment: 5, offset: 9)).before.rawValue)
                return .unknown(StoreError(.io, "script"))
            case .durable:
                return ledger.commit(size) { position in
                    let plan = plan(position)
                    plannedFrom.append(plan.before.rawValue)
                    return plan
                }
            }
        }
    }

    private final class Results: Sendable {
        let all = Mutex<[Int: Result<UInt64, StoreError>]>([:])

        func note(_ number: Int, _ result: Result<Appended, StoreError>) {
            all.withLock { results in
                #expect(results[number] == nil, "a completion is called once")
                results[number] = result.map(\.first.rawValue)
            }
        }
    }

    /// Runs a committer over groups of one unit of two entries, each with the next outcome of a
    /// script.
    private func run(
        _ script: [ScriptedCommit.Step], log: LogLines = LogLines()
    ) throws -> (results: [Int: Result<UInt64, StoreError>], plannedFrom: [UInt64], size: UInt64) {
        let folder = TemporaryFolder()
        // Provides the parts that the committer works on. The database's own pipeline stays idle.
        let database = try Database.open(in: folder)
        let storage = database.storage
        let results = Results()
        let queue = CommitQueue(byteLimit: 1 << 30)
        for number in script.indices {
            let entries = ["a", "b"].map {
                NewEntry(key: bytes("\(number) \($0)"), value: bytes("value"))
            }
            // Large enough to be a group of its own.
            let byteCount = CommitUnit.byteCount(of: entries) + CommitQueue.groupCost
            let unit = CommitUnit(entries: entries, byteCount: byteCount, source: number) {
                results.note(number, $0)
            }
            #expect(queue.put(unit) == .queued)
        }
        queue.close()
        let publisher = Publisher(
            storage: storage, tree: database.snapshot.tree,
            upkeep: Upkeep(storage: storage, tree: database.snapshot.tree))
        let frames = ScriptedCommit(script, storage)
        let committer = Committer(
            queue, frames: frames, view: storage.tree, publisher: publisher,
            writes: WriteStop(path: folder.path, log: log.sink), observer: nil)
        let publishing = try WorkerThread.start("publisher") { publisher.run() }
        committer.run()
        publishing.join()
        let size = publisher.snapshot.size.rawValue
        #expect(storage.ledger.size.rawValue == size)
        for number in script.indices {
            guard case .success(let first) = results.all.withLock({ $0[number] }) else { continue }
            let read = try publisher.snapshot.entry(at: EntryIndex(first))
            #expect(read.key == bytes("\(number) a"))
        }
        try database.close()
        return (results.all.withLock { $0 }, frames.plannedFrom, size)
    }

    @Test("gives the next group the place of one that was not stored")
    func notStored() throws {
        let log = LogLines()
        let (results, plannedFrom, size) = try run(
            [.durable, .refused(.noSpace), .refused(.io), .refused(.tooLarge), .durable], log: log)
        #expect(try results[0]?.get() == 0)
        #expect(results[1] == .failure(StoreError(.noSpace, "")))
        #expect(results[2] == .failure(StoreError(.notStored, "")))
        #expect(results[3] == .failure(StoreError(.tooLarge, "")))
        #expect(try results[4]?.get() == 2)
        #expect(plannedFrom == [0, 2])
        #expect(size == 4)
        #expect(log.all.isEmpty)
    }

    @Test("commits nothing more after a group of unknown outcome")
    func unknown() throws {
        let log = LogLines()
        let (results, plannedFrom, size) = try run(
            [.durable, .unknown, .durable, .durable], log: log)
        #expect(try results[0]?.get() == 0)
        #expect(results[1] == .failure(StoreError(.outcomeUnknown, "")))
        #expect(results[2] == .failure(StoreError(.writesStopped, "")))
        #expect(results[3] == .failure(StoreError(.writesStopped, "")))
        #expect(plannedFrom == [0, 2])
        #expect(size == 2)
        #expect(log.all.count == 1)
    }

    @Test(
        "stops writing after a refusal that puts earlier frames in doubt, and stores nothing"
    )
    func stopped() throws {
        let (results, plannedFrom, size) = try run([.durable, .refused(.writesStopped), .durable])
        #expect(results[1] == .failure(StoreError(.writesStopped, "")))
        #expect(results[2] == .failure(StoreError(.writesStopped, "")))
        #expect(plannedFrom == [0])
        #expect(size == 2)
    }
}
