import KeyIndex
import Ledger
import MerkleTree
public import StorageIO

/// When an entry is on stable storage.
public enum Durability: Hashable, Sendable {
    /// Before its append completes: one fdatasync for all that is appended meanwhile.
    case always
    /// At most so many milliseconds after its append completed. A power failure loses what came
    /// after the last sync; the end of the process alone loses nothing.
    case interval(milliseconds: Int)
    /// When the operating system pleases, and at a clean close.
    case never
}

/// An immutable key-value database in a folder.
///
/// ```swift
/// let database = try Database.open(at: "certificates")
/// let index = try await database.set("alice", "3f2a…")
/// let entry = try await database.get("alice")
/// try database.close()
/// ```
///
/// - An append that completed is durable (see ``Durability``), in the Merkle tree, and in every
///   snapshot that is taken from then on.
/// - Indexes are dense, begin at 0, and are in the order in which appends are made durable.
/// - A batch lands whole, its entries next to each other, or not at all.
/// - Beside values there are references, which are second names of keys, and sorted sets, which
///   order keys by a score: see ``NewEntry``. All are leaves of the same tree, and a sorted set's
///   names and members are no keys.
/// - Values are stored as they are, without a time.
/// - Reads are of one snapshot each, also scans: what is appended meanwhile is not in them, and
///   they keep nobody waiting.
/// - After a failed write or sync the database takes no more writes until it is opened again; reads
///   go on, and ``health`` says why.
/// - One process has a folder open at a time.
///
/// A database is used from any thread. The calls without `async` block: make them on threads of
/// your own, never on an event loop or in a task.
public final class Database: Sendable {
    public struct Options: Sendable {
        public var durability = Durability.always
        /// Where the ledger begins a new file.
        public var segmentByteCount: UInt64 = 128 << 20
        /// Memory and threads that are shared with other databases; nil for its own.
        public var resources: StoreResources?
        /// Memory for blocks of the key index, where that is not of shared resources.
        public var indexCacheByteCount = 64 << 20
        /// Where opening, recovery and failures are logged. Called from any thread.
        public var log: LogSink = { _, _ in }
        /// Learns of each group that is committed; for metrics.
        public var commitObserver: (any CommitObserver)?
        /// The most files of complete segments that are open at a time.
        public var openSegmentCount = 64
        /// The most files of the key index that are open at a time.
        public var openIndexFileCount = 512
        /// Stops an opening that takes long, since it rebuilds views.
        public var cancellation: Cancellation?
        /// For tests: another file system below all files of the database.
        public var fileSystem: any FileSystem = POSIXFileSystem()

        public init() {}
    }

    /// Whether the database takes writes, and why not.
    public struct Health: Sendable {
        /// Why no writes are taken; nil if they are.
        public let failure: StoreError?
        public var isWritable: Bool { failure == nil }
        /// ``failure`` in words.
        public var reason: String? { failure?.description }
    }

    /// Bytes on disk, preallocated space included.
    public struct StorageSizes: Hashable, Sendable {
        /// Entries, with keys and values.
        public var ledger: UInt64
        /// Digests of the Merkle tree, and positions of entries.
        public var tree: UInt64
        /// The key index.
        public var index: UInt64
        public var total: UInt64 { ledger + tree + index }
    }

    public let path: String
    /// Drawn when the database was created; in each of its files.
    public var identity: DatabaseIdentity { storage.ledger.identity }
    let storage: Storage
    let readers: Reads
    private let pipeline: CommitPipeline
    private let closing: Closing

    /// Opens the database in a folder; creates both if they are missing.
    ///
    /// A torn tail, which only a crash leaves, is cut and logged. The tree files and the key index
    /// are brought up to the ledger, or rebuilt from it.
    ///
    /// - Throws: `inUse`; `corruption` with file, offset and entry index where the ledger is
    ///   damaged: nothing is changed then; `incompatibleFormat`; `foreignDatabase`;
    ///   `permissionDenied`; `noSpace`; `noDescriptors`; `io`; `cancelled`.
    /// - Complexity: reads the newest segment, and the entries after the views' last checkpoint:
    ///   about a second. Rebuilding the views: some 10 µs an entry.
    public static func open(
        at path: String, options: Options = Options()
    ) throws(StoreError) -> Database {
        try Database(path: path, options: options)
    }

    private init(path: String, options: Options) throws(StoreError) {
        // The threads are there before a file is touched.
        let resources =
            if let shared = options.resources { shared } else {
                try StoreResources(forOne: options)
            }
        let opened = try Opening(path: path, options: options, resources: resources).run()
        self.path = path
        storage = opened.storage
        pipeline = CommitPipeline(
            storage: opened.storage, tree: opened.tree, durability: options.durability,
            observer: options.commitObserver)
        readers = Reads(resources.readers)
        closing = Closing(
            storage: storage, pipeline: pipeline, readers: readers, lock: opened.lock,
            resources: resources)
        do throws(StoreError) {
            try pipeline.start()
        } catch {
            // The folder is free again when this has thrown.
            try? closing.run()
            throw error
        }
    }

    deinit {
        // An embedder that forgot to close loses nothing.
        closing.runOnItsOwn()
    }

    /// The newest published snapshot: it holds every append that completed. Costs one lock, no
    /// copy.
    public var snapshot: Snapshot { pipeline.snapshot }

    /// Appends a batch: all of its entries, next to each other, or none.
    ///
    /// What references and members of sorted sets name must be there: in the newest snapshot, or
    /// earlier in the batch. For each of them the caller's thread reads the key index; without any,
    /// this call does not touch the disk.
    ///
    /// - Parameters:
    ///   - entries: at most 104,855; the same key may come twice.
    ///   - source: who appends, where many do: while more waits than is written at a time, sources
    ///     take turns by what their entries cost, and a small batch waits for one of another source at
    ///     most.
    ///   - isCancelled: whether the batch is not wanted any more; asked when its turn has come, and must
    ///     not block. Nothing is written then, and the error is `cancelled`.
    ///   - completion: called once, also for errors, on a thread of the database or of the caller;
    ///     it must not block and must not close the database. Success means durable, findable and
    ///     provable. Errors: `emptyBatch`, `tooManyEntries`, `invalidKey`, `invalidReference`,
    ///     `invalidSet`, `invalidScore`, `keyTooLong`, `keyNotFound`, `tooLarge`, `noSpace`,
    ///     `overloaded`, `notStored`, `writesStopped`, `closed`, those of the key index: certainly
    ///     nothing was written. `outcomeUnknown`: the entries may be there after the next opening, or
    ///     not; a caller that writes them again may have them twice.
    public func append(
        _ entries: [NewEntry], source: Int = 0,
        isCancelled: @escaping @Sendable () -> Bool = { false },
        completion: @escaping @Sendable (Result<Appended, StoreError>) -> Void
    ) {
        do throws(StoreError) {
            let unit = CommitUnit(
                entries: entries, source: source, isCancelled: isCancelled,
                completion: completion)
            try Self.validate(entries, byteCount: unit.byteCount)
            try requireTargets(entries)
            pipeline.append(unit)
        } catch {
            completion(.failure(error))
        }
    }

    /// Appends a batch that was checked.
    func appendChecked(_ unit: CommitUnit) { pipeline.append(unit) }

    /// Whether writes are taken.
    public var health: Health {
        Health(failure: pipeline.failure)
    }

    /// What waits for the committer.
    public var waitingWrites: WaitingWrites { pipeline.waitingWrites }

    /// Bytes on disk, by part.
    public func sizes() throws(StoreError) -> StorageSizes {
        StorageSizes(
            ledger: try storage.ledger.byteCount(),
            tree: try storage.tree.digests.byteCount() + storage.tree.positions.byteCount(),
            index: storage.index.byteCount)
    }

    /// Finishes what was appended, makes everything durable, and gives the folder back. Closing
    /// again does nothing.
    /// - Throws: the operating system's errors; the folder is given back in any case, and what was
    ///   acknowledged stays.
    public func close() throws(StoreError) {
        try closing.run()
    }
}
