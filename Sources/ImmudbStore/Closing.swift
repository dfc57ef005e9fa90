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

/// The end of an open database; runs once.
final class Closing: Sendable {
    private let storage: Storage
    private let pipeline: CommitPipeline
    private let readers: Reads
    /// What the database holds until it is closed; nil from then on.
    private let held: Mutex<Held?>

    private struct Held {
        let lock: any FileLock
        let resources: StoreResources
    }

    init(
        storage: Storage, pipeline: CommitPipeline, readers: Reads, lock: any FileLock,
        resources: StoreResources
    ) {
        self.storage = storage
        self.pipeline = pipeline
        self.readers = readers
        held = Mutex(Held(lock: lock, resources: resources))
    }

    /// See ``Database/close()``. A second caller waits for the first.
    func run() throws(StoreError) {
        try held.withLock { held throws(StoreError) in
            // The folder is free for others only when all is done.
            guard held != nil else { return }
            defer { held = nil }
            try closeAll()
        }
    }

    private func closeAll() throws(StoreError) {
        pipeline.drain()
        readers.end()
        let size = pipeline.snapshot.size
        let result = Result { () throws(StoreError) -> Void in
            guard pipeline.failure == nil else {
                // What was acknowledged before it was synchronized becomes durable even so.
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

    /// Only time at the next opening is at stake.
    private func checkpointTree(_ size: TreeSize) {
        do throws(StoreError) {
            try storage.tree.checkpoint(size)
        } catch {
            storage.log(.warning, "\(error). The next start brings the tree files up to the ledger")
        }
    }

    // MARK: without an owner

    private static let unownedCount = Atomic(0)

    /// Closes on a thread of its own, since the caller's may be one that closing waits for; does
    /// nothing if it is closed.
    ///
    /// A process that exits meanwhile waits for it, at most 10 seconds: libraries that the thread
    /// still uses would be taken apart otherwise.
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
            // The system has no thread. The database's own go on, so the folder stays locked until the
            // process ends: this is never freed. The next opening recovers, as after a crash.
            _ = Unmanaged.passRetained(self)
            Self.unownedCount.subtract(1, ordering: .relaxed)
        }
    }

    /// Registered after RocksDB was loaded, hence called before it is taken apart.
    private static let waitsAtExit: Bool =
        atexit {
            for _ in 0..<10_000 where Closing.unownedCount.load(ordering: .acquiring) > 0 {
                usleep(1000)
            }
        } == 0
}
