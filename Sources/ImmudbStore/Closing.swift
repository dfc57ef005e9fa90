import KeyIndex
import Ledger
import POSIX
import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Closes an open database, once.
final class Closing: Sendable {
    private let storage: Storage
    private let pipeline: CommitPipeline
    private let readers: Reads
    private let selfCheck: SelfCheck?
    /// The resources that the database holds until it is closed; nil afterwards.
    private let held: Mutex<Held?>

    private struct Held {
        let lock: any FileLock
        let resources: StoreResources
    }

    init(
        storage: Storage, pipeline: CommitPipeline, readers: Reads, selfCheck: SelfCheck?,
        lock: any FileLock, resources: StoreResources
    ) {
        self.storage = storage
        self.pipeline = pipeline
        self.readers = readers
        self.selfCheck = selfCheck
        held = Mutex(Held(lock: lock, resources: resources))
    }

    /// Closes the database, see ``Database/close()``. A second caller waits for the first.
    func run() throws(StoreError) {
        try held.withLock { held throws(StoreError) in
            // The folder is unlocked only when everything is done.
            guard held != nil else { return }
            defer { held = nil }
            try closeAll()
        }
    }

    var isOpen: Bool { held.withLock { $0 != nil } }

    /// Closes an empty database, so that another one can take its place.
    ///
    /// - Returns: what the other one goes on to use; nil if it was closed before.
    func runForAnother() -> StoreResources? {
        held.withLock { held in
            guard let resources = held?.resources else { return nil }
            storage.isReplaced.store(true, ordering: .releasing)
            _ = Result { () throws(StoreError) in try closeAll(endsReads: false) }
            held = nil
            return resources
        }
    }

    private func closeAll(endsReads: Bool = true) throws(StoreError) {
        selfCheck?.end()
        pipeline.drain()
        if endsReads { readers.end() }
        let size = pipeline.snapshot.size
        let result = Result { () throws(StoreError) -> Void in
            guard pipeline.failure == nil else {
                // Makes entries durable that were acknowledged before they were synchronized.
                if pipeline.durability != .always { try storage.ledger.synchronize() }
                return
            }
            try storage.ledger.close()
            checkpointTree(size)
            storage.index.flush()
        }
        storage.close()
        try result.get()
    }

    /// Checkpoints the tree files. A failure costs only time at the next opening.
    private func checkpointTree(_ size: TreeSize) {
        do throws(StoreError) {
            try storage.tree.checkpoint(size)
        } catch {
            storage.log(.warning, "\(error). The next start brings the tree files up to the ledger")
        }
    }

    // MARK: without an owner

    private static let unownedCount = Atomic(0)

    /// Closes on a separate thread, since closing may wait for the caller's thread. Does nothing if the database is
    /// closed.
    ///
    /// A process that exits meanwhile waits for it, at most 10 seconds: otherwise libraries that the thread still uses
    /// would be unloaded.
    func runOnItsOwn() {
        if held.withLock({ $0 == nil }) { return }
        _ = Self.waitsAtExit
        Self.unownedCount.add(1, ordering: .relaxed)
        do throws(StoreError) {
            _ = try WorkerThread.start("closer") {
                try? self.run()
                Self.unownedCount.subtract(1, ordering: .releasing)
            }
        } catch {
            // The system has no thread. The database's own threads keep running, so the folder stays locked until the
            // process ends; this object is never freed. The next opening recovers, as after a crash.
            _ = Unmanaged.passRetained(self)
            Self.unownedCount.subtract(1, ordering: .relaxed)
        }
    }

    /// Registered after RocksDB was loaded, so that the handler runs before RocksDB is unloaded.
    private static let waitsAtExit: Bool =
        atexit {
            for _ in 0..<10_000 where Closing.unownedCount.load(ordering: .acquiring) > 0 {
                usleep(1000)
            }
        } == 0
}
