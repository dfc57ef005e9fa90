import KeyIndex
import Ledger
import MerkleTree
public import StorageIO
import Synchronization

/// When an entry is on stable storage.
public enum Durability: Hashable, Sendable {
    /// Before its append completes: one fdatasync for all entries that are appended meanwhile.
    case always
    /// At most this many milliseconds after its append completed. A power failure loses the entries after the last
    /// sync; a crash of the process alone loses nothing.
    case interval(milliseconds: Int)
    /// When the operating system chooses, and at a clean close.
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
/// - An append that completed is durable (see ``Durability``), in the Merkle tree, and in every later snapshot.
/// - Indexes are dense, begin at 0, and are in the order in which appends are made durable.
/// - A batch is written whole, its entries next to each other, or not at all.
/// - Beside values there are references, which are second names of keys, and sorted sets, which order keys by a score:
///   see ``NewEntry``. All are leaves of the same tree. The names and members of sorted sets are not keys.
/// - Values are stored as they are, without a time.
/// - Each read, including a scan, is of one snapshot: entries that are appended meanwhile are not in it, and it delays
///   no writer.
/// - After a failed write or sync the database takes no more writes until it is opened again; reads continue, and
///   ``health`` states the reason.
/// - Only one process can have a folder open at a time.
///
/// A database may be used from any thread. The functions without `async` block: call them on threads of your own, never
/// on an event loop or in a task.
public final class Database: Sendable {
    public struct Options: Sendable {
        public var durability = Durability.always
        /// The size at which the ledger begins a new file.
        public var segmentByteCount: UInt64 = 128 << 20
        /// Memory and threads that are shared with other databases; nil: the database has its own.
        public var resources: StoreResources?
        /// Memory for blocks of the key index, unless the resources are shared.
        public var indexCacheByteCount = 64 << 20
        /// Logs opening, recovery and failures. Called from any thread.
        public var log: LogSink = { _, _ in }
        /// Observes each group that is committed; for metrics.
        public var commitObserver: (any CommitObserver)?
        /// The most files of complete segments that are open at a time.
        public var openSegmentCount = 64
        /// The most files of the key index that are open at a time.
        public var openIndexFileCount = 512
        /// Whether a database with damage in its ledger is opened all the same: entries that are whole are then read and
        /// proven, damaged ones are refused by `corruption`, writes by `writesStopped`. Nothing is written to the ledger.
        ///
        /// Without this, opening refuses damage at the end of the ledger, and everywhere if views are rebuilt from it.
        public var servesDamaged = false
        /// The check of all entries while the database is open; nil: none.
        public var selfCheck: SelfCheckOptions?
        /// Stops an opening that takes long because it rebuilds views.
        public var cancellation: Cancellation?
        /// For tests: the file system below all files of the database.
        public var fileSystem: any FileSystem = POSIXFileSystem()

        public init() {}
    }

    /// Whether the database takes writes, and why not.
    public struct Health: Sendable {
        /// The reason why the database takes no writes; nil if it takes them.
        public let failure: StoreError?
        public var isWritable: Bool { failure == nil }
        /// A description of ``failure``.
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
    /// A random identity from the creation of the database, stored in each of its files.
    public var identity: DatabaseIdentity { storage.ledger.identity }
    /// The options with which it was opened. After ``close()`` they have no resources, so that those are freed.
    public var openingOptions: Options { state.withLock { $0.options } }
    let readers: Reads
    /// The newest snapshot, whichever parts have published it.
    private let published: PublishedSnapshot
    let state: Mutex<State>
    /// Held while another database is put in the place of this one.
    let replacement = Mutex(())

    /// What is open, and whether it can still be replaced: see ``replaceWhileEmpty(decide:exchange:)``.
    struct State {
        var options: Options
        var parts: OpenParts
        /// Whether anything was appended, or has failed to be.
        var hasAppended = false
        var isBeingReplaced = false
    }

    private var parts: OpenParts { state.withLock { $0.parts } }
    var storage: Storage { parts.storage }
    var selfCheck: SelfCheck? { parts.selfCheck }

    /// Opens the database in a folder; creates both if they are missing.
    ///
    /// A torn tail, which only a crash leaves, is cut and logged. The tree files and the key index are brought up to
    /// the ledger, or rebuilt from it.
    ///
    /// - Throws: `inUse`; `corruption` with file, offset and entry index if the ledger is damaged: nothing is changed
    ///   then; `incompatibleFormat`; `foreignDatabase`; `permissionDenied`; `noSpace`; `noDescriptors`; `io`;
    ///   `cancelled`.
    /// - Complexity: reads the newest segment, and the entries after the views' last checkpoint: about a second.
    ///   Rebuilding the views takes some 10 µs an entry.
    ///   about a second. Rebuilding the views: some 10 µs an entry.
    public static func open(
        at path: String, options: Options = Options()
    ) throws(StoreError) -> Database {
        try Database(path: path, options: options)
    }

    private init(path: String, options: Options) throws(StoreError) {
        // All threads are started before any file is touched.
        let resources =
            if let shared = options.resources { shared } else {
                try StoreResources(forOne: options)
            }
        self.path = path
        readers = Reads(resources.readers)
        let parts = try OpenParts(at: path, options, resources, readers)
        published = parts.pipeline.published
        state = Mutex(State(options: options, parts: parts))
    }

    deinit {
        // An application that forgot to close loses nothing.
        parts.closing.runOnItsOwn()
    }

    /// The newest published snapshot, which holds every append that completed. Costs one lock, no copy.
    public var snapshot: Snapshot { published.snapshot }

    /// Appends a batch: all of its entries, next to each other, or none.
    ///
    /// Keys that references and members of sorted sets name must exist: in the newest snapshot, or earlier in the
    /// batch. For each of them the caller's thread reads the key index; without any, this function does not touch the
    /// disk.
    ///
    /// - Parameters:
    ///   - entries: at most 104,855; the same key may occur more than once.
    ///   - source: identifies who appends, if there are many: while more waits than is written at a time, sources
    ///     take turns by the cost of their entries, and a small batch waits for at most one of another source.
    ///   - isCancelled: returns whether the batch is no longer wanted. Called when its turn has come; must not
    ///     block. If true, nothing is written, and the error is `cancelled`.
    ///   - completion: called once, also for errors, on a thread of the database or of the caller;
    ///     it must not block and must not close the database. Success means durable, findable and
    ///     provable. Errors: `emptyBatch`, `tooManyEntries`, `invalidKey`, `invalidReference`,
    ///     `invalidSet`, `invalidScore`, `keyTooLong`, `keyNotFound`, `tooLarge`, `noSpace`,
    ///     `overloaded`, `notStored`, `writesStopped`, `closed`, those of the key index: certainly
    ///     nothing was written. `outcomeUnknown`: the entries may or may not exist after the next opening; a
    ///     caller that writes them again may have them twice.
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
            appendChecked(unit)
        } catch {
            completion(.failure(error))
        }
    }

    /// Appends a batch that has passed the checks.
    func appendChecked(_ unit: CommitUnit) {
        let pipeline = state.withLock { state -> CommitPipeline? in
            guard !state.isBeingReplaced else { return nil }
            state.hasAppended = true
            return state.parts.pipeline
        }
        guard let pipeline else { return unit.completion(.failure(Self.beingReplaced)) }
        pipeline.append(unit)
    }

    /// Whether the database takes writes.
    public var health: Health {
        Health(failure: parts.pipeline.failure)
    }

    /// The appends that wait for the committer.
    public var waitingWrites: WaitingWrites { parts.pipeline.waitingWrites }

    /// Returns the bytes on disk, by part.
    public func sizes() throws(StoreError) -> StorageSizes {
        let storage = storage
        return StorageSizes(
            ledger: try storage.ledger.byteCount(),
            tree: try storage.tree.digests.byteCount() + storage.tree.positions.byteCount(),
            index: storage.index.byteCount)
    }

    /// Finishes pending appends, makes everything durable, and unlocks the folder. Closing again does nothing.
    /// - Throws: the operating system's errors; the folder is unlocked in any case, and acknowledged entries stay.
    public func close() throws(StoreError) {
        try replacement.withLock { _ throws(StoreError) in
            defer { state.withLock { $0.options.resources = nil } }
            try parts.closing.run()
        }
    }
}
