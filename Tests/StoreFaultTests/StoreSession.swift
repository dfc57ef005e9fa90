import Dispatch
import ImmudbStore
import SimulatedDisk
import StorageIO
import Synchronization
import TestTools

/// A database on a simulated disk and its model, across openings, failures and crashes.
final class StoreSession {
    static let path = "/db"

    private(set) var disk: SimulatedDisk
    var waitsForIndex: Bool {
        get { model.waitsForIndex }
        set { model.waitsForIndex = newValue }
    }
    private(set) var model = StoreModel()
    let durability: Durability
    let log = NewestLines()
    private(set) var database: Database?
    /// Whether any write was refused because an earlier one failed.
    private(set) var hasStopped = false
    /// The loss that a reopening without a crash may cause: a failed sync drops unsynchronized
    /// bytes.
    var lossAtReopening = StoreModel.Loss.none
    private var maker: EntryMaker

    init(_ disk: SimulatedDisk, _ durability: Durability = .always, seed: UInt64 = 0) {
        self.disk = disk
        self.durability = durability
        maker = EntryMaker(seed: seed)
    }

    deinit { try? database?.close() }

    /// Continues with another disk, from the same model.
    ///
    /// - Parameter durability: the new durability, or nil to keep it.
    func next(on disk: SimulatedDisk, _ durability: Durability? = nil) -> StoreSession {
        let next = StoreSession(disk, durability ?? self.durability)
        next.model = model
        next.maker = maker
        return next
    }

    var context: String {
        let calls = disk.calls
        let failed = calls.filter { $0.failure != nil }.prefix(5)
        let parts = [
            "\(durability), \(disk.callCount) calls", "failed:", Self.list(failed), "newest calls:",
            Self.list(calls.suffix(24)), "newest lines of the log:", Self.list(log.all),
        ]
        return parts.joined(separator: "\n")
    }

    private static func list(_ lines: some Sequence<some CustomStringConvertible>) -> String {
        lines.map { "  \($0)" }.joined(separator: "\n")
    }

    // MARK: opening

    /// Opens the database, and checks all its content.
    func open(losing loss: StoreModel.Loss = .none) throws {
        close()
        let opened: Database
        do throws(StoreError) {
            opened = try Database.open(at: Self.path, options: options)
        } catch {
            guard Self.wrongDiagnoses.contains(error.code) else { throw error }
            throw BrokenPromise("the opening says \(error.code): \(error)")
        }
        var recovered = model
        do {
            try recovered.recover(opened, losing: loss)
        } catch {
            try? opened.close()
            throw error
        }
        model = recovered
        database = opened
    }

    /// Errors for which no disk of these tests gives a reason.
    private static let wrongDiagnoses: [StoreError.Code] = [
        .corruption, .tampered, .foreignDatabase, .incompatibleFormat, .index, .inUse,
    ]

    private var options: Database.Options {
        var options = Database.Options()
        options.durability = durability
        options.segmentByteCount = 4096
        options.indexCacheByteCount = 1 << 16
        options.openSegmentCount = 3
        options.openIndexFileCount = 16
        options.fileSystem = disk
        options.log = log.sink
        return options
    }

    func close() {
        try? database?.close()
        database = nil
    }

    func reopen() throws {
        close()
        try open(losing: lossAtReopening)
    }

    /// Simulates a power failure, or the end of the process. The caller opens the rest.
    func crash(_ policy: CrashPolicy?) {
        let next = policy.map(disk.crashed) ?? disk.killed()
        abandon()
        disk = next
    }

    /// Closes the database on a disk that is no longer used.
    ///
    /// The disk may have stopped; it is started again, since RocksDB waits for a second after a
    /// failure.
    func abandon() {
        disk.heal()
        disk.limits = DiskLimits()
        disk.stop(afterCall: .max)
        close()
    }

    /// Removes view files while the database is closed.
    func remove(_ names: [String]) throws {
        close()
        for (path, _) in disk.files
        where names.contains(where: { path.hasPrefix("\(Self.path)/\($0)") }) {
            try disk.removeFile(path)
        }
    }

    // MARK: writing

    /// Appends a batch.
    ///
    /// - Returns: whether the batch is stored.
    /// - Throws: `BrokenPromise`.
    @discardableResult
    func append(_ shape: EntryMaker.Shape) throws -> Bool {
        try append([shape]).allSatisfy { $0 }
    }

    /// Appends batches at the same time.
    @discardableResult
    func append(_ shapes: [EntryMaker.Shape]) throws -> [Bool] {
        guard let database else { return shapes.map { _ in false } }
        let batches = try shapes.map { try maker.batch($0, keys: model.keys) }
        let answers = batches.map { batch in
            let answer = Answer()
            database.append(batch) { answer.give($0) }
            return answer
        }
        var isStored: [Bool] = []
        for (batch, answer) in zip(batches, answers) {
            switch try answer.wait() {
            case .success(let appended):
                try model.acknowledge(batch, appended)
                isStored.append(true)
            case .failure(let error):
                guard !Self.wrongAnswers.contains(error.code) else {
                    throw BrokenPromise("an append says \(error.code): \(error)")
                }
                model.refuse(batch, error)
                if [.writesStopped, .outcomeUnknown].contains(error.code) { hasStopped = true }
                isStored.append(false)
            }
        }
        return isStored
    }

    /// Errors that are wrong here: the session's batches are valid, and refer to existing entries.
    private static let wrongAnswers: [StoreError.Code] = [
        .corruption, .tampered, .invalidKey, .invalidReference, .invalidSet, .invalidScore,
        .emptyBatch, .tooManyEntries, .tooLarge, .keyNotFound, .overloaded, .closed,
    ]

    /// Reads while the disk may fail. The results must be right.
    func look() throws {
        guard let database else { return }
        let snapshot = database.snapshot
        try model.see(snapshot)
        do {
            guard try snapshot.entries(from: EntryIndex(0), limit: model.found.count) == model.found
            else { throw BrokenPromise("other entries are read while the database is open") }
            for entry in model.found.suffix(4) {
                try snapshot.proof(of: entry.index, since: TreeSize(0))
                    .verify(entry, since: .empty)
                guard entry.kind == .value else { continue }
                guard let newest = try snapshot.newest(entry.key), newest.index >= entry.index
                else { throw BrokenPromise("an older entry, or none, is read by its key") }
            }
        } catch let error as StoreError {
            if Self.wrongDiagnoses.dropLast(2).contains(error.code) {
                throw BrokenPromise("a read says \(error.code): \(error)")
            }
        }
    }
}

/// The answer to one append.
final class Answer: Sendable {
    private let result = Mutex<Result<Appended, StoreError>?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func give(_ answer: Result<Appended, StoreError>) {
        result.withLock { result in
            precondition(result == nil, "an append is answered twice")
            result = answer
        }
        isThere.signal()
    }

    func wait() throws -> Result<Appended, StoreError> {
        guard isThere.wait(timeout: .now() + .seconds(20)) == .success,
            let answer = result.withLock({ $0 })
        else { throw BrokenPromise("an append is not answered for 20 seconds") }
        return answer
    }
}

/// Keeps the last lines that a database logs.
final class NewestLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    var sink: @Sendable (LogLevel, String) -> Void {
        { level, text in
            guard level != .debug else { return }
            self.lines.withLock { lines in
                lines.append("\(level): \(text)")
                if lines.count > 12 { lines.removeFirst() }
            }
        }
    }
}

/// Makes batches of entries that all differ, so that each can be identified.
struct EntryMaker {
    enum Shape: Sendable {
        /// Values of these lengths.
        case values([Int])
        /// A new value, a reference to it or to an older one, and a member of a sorted set.
        case mixed
    }

    private var random: SplitMix64
    private var count = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func batch(_ shape: Shape, keys: [[UInt8]]) throws -> [NewEntry] {
        switch shape {
        case .values(let byteCounts): return byteCounts.map { value($0) }
        case .mixed:
            let new = value(random.next(below: 60))
            let target = random.chance(1, of: 2) ? new.key : keys.randomElement(using: &random)
            count += 2
            return try [
                new, .reference(Array("name \(count)".utf8), to: target ?? new.key),
                .member(
                    target ?? new.key, of: Array("set \(random.next(below: 2))".utf8),
                    score: Double(count)),
            ]
        }
    }

    private mutating func value(_ byteCount: Int) -> NewEntry {
        count += 1
        // Some keys are written repeatedly.
        let key = random.chance(1, of: 2) ? "key \(random.next(below: 5))" : "own key \(count)"
        let bytes = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return NewEntry(key: Array(key.utf8), value: Array("\(count):".utf8) + bytes)
    }
}
