import CoreMetrics
import ImmudbAccounts
import ImmudbStore
import Logging
import POSIX

/// The databases that are opened before clients are admitted, the system's first.
struct OpenedData: Sendable {
    let identifier: CurrentIdentifier
    /// Whether a restore was completed that was interrupted after it counted.
    let hasCompletedRestore: Bool
    let accounts: Accounts
    let database: Database

    init(
        _ options: ServerOptions, _ budget: DescriptorBudget, _ cancellation: Cancellation?,
        _ metrics: any MetricsFactory, log: Logger
    ) throws(ServerStartError) {
        try checkListening(host: options.host, port: options.port)
        // The folder is created before the key.
        if isRegularFile(options.systemKeyPath) == true, !isFolder(options.systemDatabasePath) {
            throw ServerStartError(
                "Unable to open sysstore: the users are gone: \(options.systemDatabasePath) is missing, though its "
                    + "key file \(options.systemKeyPath) is there. Restore the folder from a backup, or remove the "
                    + "key file to begin without users")
        }
        try createFolder(options.systemDatabasePath, prefix: "Unable to create sys data folder")
        let resources: StoreResources
        do {
            var shared = StoreResources.Options()
            // Each database has its own limit. The system's database never comes near it.
            shared.indexWriteByteCount = nil
            resources = try StoreResources(shared)
        } catch {
            throw ServerStartError("Unable to open store: \(error)")
        }
        accounts = try Self.openAccounts(options, resources, cancellation, log)
        let isKnown: Bool
        do {
            // The lock of the system's database keeps other servers of the folder away from here on.
            hasCompletedRestore = try Self.recoverRestore(options, log)
            try createFolder(options.databasePath, prefix: "Unable to create data folder")
            isKnown = ServerIdentifier.exists(in: options.directory)
            identifier = CurrentIdentifier(try .loadOrCreate(in: options.directory))
            database = try Self.openDatabase(
                options, budget, resources, cancellation, CommitMetrics(metrics), log)
        } catch {
            try? accounts.close()
            throw error
        }
        let size = database.snapshot.size
        if !isKnown && !size.isEmpty {
            log.warning(
                """
                a new server identifier was drawn for a database of \(size) entries: clients take this \
                server for one that they do not know. If immudb.identifier was lost, put it back
                """)
        }
    }

    /// Completes a restore that was interrupted after it counted, and discards one that was interrupted before.
    ///
    /// - Returns: whether one was completed.
    private static func recoverRestore(
        _ options: ServerOptions, _ log: Logger
    ) throws(ServerStartError) -> Bool {
        do {
            guard try RestoreStage(options).recover() else { return false }
            log.info("a restored database was put in the place of the empty one")
            return true
        } catch {
            throw ServerStartError("Unable to complete a restore: \(error)")
        }
    }

    private static func openAccounts(
        _ options: ServerOptions, _ resources: StoreResources, _ cancellation: Cancellation?,
        _ log: Logger
    ) throws(ServerStartError) -> Accounts {
        let log = log.of(.users)
        let faults = FaultLog(log)
        var settings = Accounts.Options()
        settings.resources = resources
        settings.log = log.sink
        settings.auditFault = { error in
            faults.report(error.code.rawValue, "an audit entry is missing: \(error)")
        }
        settings.cancellation = cancellation
        settings.selfCheck = options.selfCheck
        settings.servesDamaged = options.servesDamaged
        settings.hashing = options.passwordHashing
        do {
            let accounts = try Accounts.open(in: options.directory, options: settings)
            note(accounts.database, log)
            return accounts
        } catch {
            throw ServerStartError(
                "Unable to open sysstore: \(error)", isCancellation: error.isCancellation)
        }
    }

    private static func openDatabase(
        _ options: ServerOptions, _ budget: DescriptorBudget, _ resources: StoreResources,
        _ cancellation: Cancellation?, _ observer: CommitMetrics, _ log: Logger
    ) throws(ServerStartError) -> Database {
        let log = log.of(.store)
        var settings = Database.Options()
        settings.durability = options.durability
        settings.resources = resources
        settings.log = log.sink
        settings.openSegmentCount = budget.segmentCount
        settings.openIndexFileCount = budget.indexFileCount
        settings.cancellation = cancellation
        settings.commitObserver = observer
        settings.selfCheck = options.selfCheck
        settings.servesDamaged = options.servesDamaged
        if let byteCount = testSegmentByteCount() { settings.segmentByteCount = byteCount }
        do {
            let database = try Database.open(at: options.databasePath, options: settings)
            note(database, log)
            return database
        } catch {
            throw ServerStartError(
                "Unable to open store: \(error)\(advice(error))",
                isCancellation: error.code == .cancelled)
        }
    }

    /// Returns the advice that only the server can give.
    private static func advice(_ error: StoreError) -> String {
        guard [.corruption, .tampered].contains(error.code) else { return "" }
        return
            ". Or repair it (immudb repair), or start with --serve-damaged: entries that are whole are then served, and "
            + "writes refused"
    }

    private static func note(_ database: Database, _ log: Logger) {
        let snapshot = database.snapshot
        log.info("Tree of width \(snapshot.size) ready with root \(snapshot.root.hex)")
        log.info("Store opened at path: \(database.path)")
    }

    /// Closes both databases, even if closing the first one fails.
    func close() throws(StoreError) {
        let result = Result { () throws(StoreError) in try accounts.close() }
        try database.close()
        try result.get()
    }
}
