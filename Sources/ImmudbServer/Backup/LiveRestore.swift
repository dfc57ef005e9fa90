import ImmudbBackup
import ImmudbStore
import POSIX
import StorageIO
import Synchronization

/// Restores backups into the empty database of a running server: ``prepare()``, then ``exchange(_:)``, each on a thread of
/// its own.
///
/// All is made in a folder beside the database (``RestoreStage``), which takes its place when every entry and every root
/// is verified and indexed, if the database is still empty then.
final class LiveRestore: Sendable {
    struct Request: Sendable {
        /// The tree through which the history must go; nil if nobody knows one.
        var known: TrustedRoot?
        /// How many entries to restore; nil for all.
        var until: TreeSize?
        /// Whether clients are to take this server for the one that was backed up.
        var keepsIdentity = true
        /// The most bytes of one entry: what the server could not read out is not let in.
        var entryByteLimit = Int.max
    }

    /// How far it is.
    struct Progress: Sendable {
        var size = TreeSize(0)
        var isIndexing = false
    }

    /// So much of the disk stays free.
    private static let spareByteCount: UInt64 = 64 << 20

    private let request: Request
    private let stage: RestoreStage
    private let database: Database
    private let intake: RestoreIntake
    private let record: @Sendable (TrustedRoot) throws(StoreError) -> Void
    private let state = Mutex(Progress())
    /// Ends the indexing.
    private let cancellation = Cancellation()
    /// Why it was given up.
    private let reason = Mutex<StoreError?>(nil)

    /// - Parameter record: records that the restore is about to count, durably.
    init(
        _ request: Request, of database: Database, in stage: RestoreStage,
        from intake: RestoreIntake,
        record: @escaping @Sendable (TrustedRoot) throws(StoreError) -> Void
    ) {
        self.request = request
        self.database = database
        self.stage = stage
        self.intake = intake
        self.record = record
    }

    var progress: Progress { state.withLock { $0 } }

    /// Gives it up, unless it counts already.
    func cancel(because reason: String) {
        let error = self.reason.withLock { first in
            let error = first ?? StoreError(.cancelled, reason)
            first = error
            return error
        }
        cancellation.cancel()
        intake.end(error)
    }

    struct Outcome: Sendable {
        var tree: TrustedRoot
        /// The server's identifier from now on; nil if it stays.
        var identifier: ServerIdentifier?
    }

    /// Makes a database of the backups, beside the one of the server.
    ///
    /// - Throws: the errors of ``ImmudbStore/DatabaseRestore``: nothing of it is left then.
    func prepare() throws(StoreError) -> Outcome {
        stage.discard()
        do throws(StoreError) {
            let outcome = try restoreEntries()
            try index(outcome.tree)
            return outcome
        } catch {
            // What was cancelled says so in words of its own.
            let error = error.code == .cancelled ? reason.withLock { $0 } ?? error : error
            intake.end(error)
            stage.discard()
            throw error
        }
    }

    /// Puts what was prepared in the place of the server's database. The threads of the database inherit the priority of
    /// the one that calls this.
    ///
    /// - Throws: the errors of ``ImmudbStore/Database/replaceWhileEmpty(decide:exchange:)``: nothing of the restore is left
    ///   then. `outcomeUnknown` if it counted already.
    func exchange(_ outcome: Outcome) throws(StoreError) {
        var counts = false
        do throws(StoreError) {
            try database.replaceWhileEmpty(
                decide: { () throws(StoreError) in
                    try requireWanted()
                    try record(outcome.tree)
                    try stage.commit(outcome.identifier)
                    counts = true
                }, exchange: { () throws(StoreError) in try stage.complete() })
        } catch {
            guard counts else {
                stage.discard()
                throw error
            }
            throw StoreError(
                .outcomeUnknown,
                "everything is restored, but the server cannot continue with it: start it again, and compare its root "
                    + "with the backup's",
                cause: error)
        }
    }

    private func requireWanted() throws(StoreError) {
        if let reason = reason.withLock({ $0 }) { throw reason }
    }

    private func restoreEntries() throws(StoreError) -> Outcome {
        let restore = DatabaseRestore(
            in: stage.draft, keepsIdentity: request.keepsIdentity, until: request.until,
            options: options)
        if let known = request.known { restore.require(known) }
        let source = RestoreSource(intake)
        while let name = try source.nextBackup() {
            var reader = try BackupReader(name, entryByteLimit: request.entryByteLimit) {
                [self] buffer throws(StoreError) in
                try requireSpace()
                return try source.read(into: buffer)
            }
            try restore.add(&reader) { size in state.withLock { $0.size = size } }
        }
        let tree = try restore.finish()
        let known = restore.firstHead?.serverIdentifier.flatMap { ServerIdentifier($0) }
        return Outcome(tree: tree, identifier: request.keepsIdentity ? known : nil)
    }

    /// Leaves room on the disk for what the server writes beside the restore.
    private func requireSpace() throws(StoreError) {
        let free = try database.openingOptions.fileSystem.freeSpace(at: database.path)
        guard free.byteCount >= Self.spareByteCount else {
            throw StoreError(
                .noSpace,
                "only \(free.byteCount) bytes are free for \(stage.draft), and \(Self.spareByteCount) are left to "
                    + "the rest of the server")
        }
    }

    private var options: Database.Options {
        var options = database.openingOptions
        options.selfCheck = nil
        options.commitObserver = nil
        options.servesDamaged = false
        options.cancellation = cancellation
        return options
    }

    /// Derives tree and index, so that the exchange takes a moment only.
    private func index(_ tree: TrustedRoot) throws(StoreError) {
        state.withLock { $0 = Progress(size: tree.size, isIndexing: true) }
        let opened = try Database.open(at: stage.draft, options: options)
        let found = opened.snapshot.trustedRoot
        try opened.close()
        guard found == tree else {
            throw StoreError(
                .io,
                "the restored entries have the \(found) when they are read again, not the \(tree)")
        }
    }
}
