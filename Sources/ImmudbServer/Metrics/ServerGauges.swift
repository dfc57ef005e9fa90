import CoreMetrics
import ImmudbOperations
import ImmudbStore
import POSIX
import RPCTransport
import Synchronization
import SystemPackage

/// Values that are looked up each second, on a thread of its own: sizes, health, and what the process takes. So a scrape
/// never waits for a disk that hangs.
final class ServerGauges: Sendable {
    private static let interval = Duration.seconds(1)
    /// To add up the sizes of files takes some microseconds for each: not each second.
    private static let sizesAge = Duration.seconds(10)

    private let operations: DatabaseOperations
    private let transport: RPCServer
    private let labels: [(String, String)]
    private let factory: any MetricsFactory
    private let began = ContinuousClock.now
    private let meters = Mutex<[String: Meter]>([:])
    private let sizes = Mutex<(ContinuousClock.Instant, Database.StorageSizes)?>(nil)

    /// - Parameter databasePath: what the label `database` says.
    init(
        _ operations: DatabaseOperations, _ transport: RPCServer, databasePath: String,
        _ factory: any MetricsFactory
    ) {
        self.operations = operations
        self.transport = transport
        self.factory = factory
        labels = [("database", databasePath)]
    }

    private let isOver = Monitor(false)
    private let thread = Mutex<WorkerThread?>(nil)

    /// - Throws: `Errno` when the system gives no thread.
    func start() throws(Errno) {
        let started = try WorkerThread(name: "metrics") { [self] in
            repeat { record() } while isOver.wait(upTo: Self.interval) { $0 ? true : nil } == nil
        }
        thread.withLock { $0 = started }
    }

    /// Waits for the look that runs.
    func end() {
        isOver.change { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private func record() {
        let database = operations.database
        set(.storedEntries, Double(database.snapshot.size.rawValue))
        set(.uptime, (ContinuousClock.now - began) / .seconds(3600))
        let waiting = database.waitingWrites
        set(.pendingWrites, Double(waiting.appendCount), labels)
        set(.pendingWriteBytes, Double(waiting.byteCount), labels)
        let health = operations.health()
        set(.takesWrites, health.writeError == nil ? 1 : 0, labels)
        set(.answersReads, health.readError == nil ? 1 : 0, labels)
        if let sizes = currentSizes() {
            set(.indexSize, Double(sizes.index), labels)
            set(.ledgerSize, Double(sizes.ledger), labels)
            set(.treeSize, Double(sizes.tree), labels)
        }
        set(.connections, Double(transport.connectionCount))
        set(.heldBytes, Double(transport.heldRequestByteCount), [("part", "requests")])
        set(.heldBytes, Double(transport.heldAnswerByteCount), [("part", "answers")])
        for (metric, value) in ProcessStatistics.current() { set(metric, value) }
    }

    /// Nil while the disk does not tell.
    private func currentSizes() -> Database.StorageSizes? {
        sizes.withLock { sizes in
            if let (time, known) = sizes, ContinuousClock.now - time < Self.sizesAge {
                return known
            }
            guard let now = try? operations.database.sizes() else { return nil }
            sizes = (.now, now)
            return now
        }
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
