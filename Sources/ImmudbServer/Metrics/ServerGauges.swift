import CoreMetrics
import ImmudbAccounts
import ImmudbOperations
import ImmudbStore
import POSIX
import RPCTransport
import Synchronization
import SystemPackage

/// Samples values each second on its own thread: the counts of calls, sizes, health, and the resources of the
/// process. So a scrape never waits for a disk that hangs.
final class ServerGauges: Sendable {
    private static let interval = Duration.seconds(1)
    /// The time between two updates of sizes. Adding up the sizes of files takes a few microseconds
    /// for each file.
    private static let sizesAge = Duration.seconds(10)

    private let operations: DatabaseOperations
    private let transport: RPCServer
    private let calls: CallMetrics
    private let accounts: Accounts
    /// The labels of the data and of the system's database.
    private let labels: [(String, String)]
    private let systemLabels: [(String, String)]
    private let factory: any MetricsFactory
    private let began = ContinuousClock.now
    private let meters = Mutex<[String: Meter]>([:])
    private let sizesTakenAt = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameter options: determine the label `database`.
    init(
        _ operations: DatabaseOperations, _ accounts: Accounts, _ transport: RPCServer,
        _ calls: CallMetrics, _ options: ServerOptions, _ factory: any MetricsFactory
    ) {
        self.operations = operations
        self.accounts = accounts
        self.transport = transport
        self.calls = calls
        self.factory = factory
        labels = [("database", options.databaseLabel)]
        systemLabels = [("database", options.systemDatabaseLabel)]
    }

    private let isOver = Monitor(false)
    private let thread = Mutex<WorkerThread?>(nil)

    /// - Throws: `Errno` if the system cannot start a thread.
    func start() throws(Errno) {
        let started = try WorkerThread(name: "metrics") { [self] in
            repeat { record() } while isOver.wait(upTo: Self.interval) { $0 ? true : nil } == nil
        }
        thread.withLock { $0 = started }
    }

    /// Stops sampling, and waits for a running sample.
    func end() {
        isOver.change { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private func record() {
        calls.record()
        let database = operations.database
        set(.storedEntries, Double(database.snapshot.size.rawValue))
        set(.uptime, (ContinuousClock.now - began) / .seconds(3600))
        let waiting = database.waitingWrites
        set(.pendingWrites, Double(waiting.appendCount), labels)
        set(.pendingWriteBytes, Double(waiting.byteCount), labels)
        let health = operations.health()
        set(.takesWrites, health.takesWrites ? 1 : 0, labels)
        set(.answersReads, health.answersReads ? 1 : 0, labels)
        recordCheck()
        recordSizes()
        recordMemory()
        for (name, count) in transport.waitingCallCounts {
            set(.waitingCalls, Double(count), [("class", name)])
        }
        set(.waitingCalls, Double(accounts.waitingCount), [("class", "passwords")])
        set(.connections, Double(transport.connectionCount))
        set(.heldBytes, Double(transport.heldRequestByteCount), [("part", "requests")])
        set(.heldBytes, Double(transport.heldAnswerByteCount), [("part", "answers")])
        for (metric, value) in ProcessStatistics.current() { set(metric, value) }
    }

    /// Records sizes. Keeps the last ones if the disk fails.
    private func recordSizes() {
        let isDue = sizesTakenAt.withLock { time in
            if let time, ContinuousClock.now - time < Self.sizesAge { return false }
            time = .now
            return true
        }
        guard isDue else { return }
        // The data first, since readers of the original's metrics use the first sample.
        for (database, labels) in [
            (operations.database, labels), (accounts.database, systemLabels),
        ] {
            guard let sizes = try? database.sizes() else { continue }
            set(.indexSize, Double(sizes.index), labels)
            set(.ledgerSize, Double(sizes.ledger), labels)
            set(.treeSize, Double(sizes.tree), labels)
        }
    }

    private func recordCheck() {
        for (database, labels) in [
            (operations.database, labels), (accounts.database, systemLabels),
        ] {
            set(.damagedPlaces, Double(database.damage?.placeCount ?? 0), labels)
            guard let progress = database.selfCheckProgress else { continue }
            set(.checkedEntries, Double(progress.entryCount), labels)
            set(.checkRounds, Double(progress.roundCount), labels)
            set(.checkProgress, progress.roundProgress, labels)
            set(.checkRoundEnd, Double(progress.lastRoundEndedAt ?? 0), labels)
            set(.unreadBlocks, Double(progress.unreadBlockCount), labels)
        }
    }

    private func recordMemory() {
        let (data, system) = (operations.database.memoryUse, accounts.database.memoryUse)
        // Both databases share these.
        set(.memoryBytes, Double(data.blockCache), [("part", "block_cache")])
        set(.memoryBytes, Double(data.nodeCache), [("part", "node_cache")])
        set(.memoryBytes, Double(data.memtables + system.memtables), [("part", "memtables")])
        set(.memoryBytes, Double(data.tables + system.tables), [("part", "tables")])
    }

    private func set(_ metric: ServerMetric, _ value: Double, _ labels: [(String, String)] = []) {
        let key = metric.rawValue + labels.map(\.1).joined(separator: "\0")
        let meter = meters.withLock { meters in
            if let known = meters[key] { return known }
            let made = Meter(label: metric.rawValue, dimensions: labels, factory: factory)
            meters[key] = made
            return made
        }
        meter.set(value)
    }
}
