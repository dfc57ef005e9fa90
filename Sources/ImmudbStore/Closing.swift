import KeyIndex
import Ledger
import StorageIO
import Synchronization

/// The end of an open database; runs once.
final class Closing: Sendable {
    private let storage: Storage
    private let pipeline: CommitPipeline
    private let readers: ReaderThreads
    /// Nil once the database is closed.
    private let lock: Mutex<(any FileLock)?>

    init(
        storage: Storage, pipeline: CommitPipeline, readers: ReaderThreads, lock: any FileLock
    ) {
        self.storage = storage
        self.pipeline = pipeline
        self.readers = readers
        self.lock = Mutex(lock)
    }

    /// See ``Database/close()``.
    func run() throws(StoreError) {
        let held = lock.withLock { lock in
            defer { lock = nil }
            return lock
        }
        guard held != nil else { return }
        pipeline.drain()
        readers.end()
        let size = pipeline.snapshot.size
        let result = Result { () throws(StoreError) -> Void in
            guard pipeline.failure == nil else { return }
            try storage.ledger.close()
            try storage.tree.checkpoint(size)
            try storage.index.flush(wait: true)
        }
        storage.close()
        // The folder is free for others only now.
        withExtendedLifetime(held) {}
        try result.get()
    }
}
