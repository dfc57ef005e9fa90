import CoreMetrics
import ImmudbModel
import ImmudbStore
import Synchronization

/// Records the database's commits.
final class CommitMetrics: CommitObserver {
    private let groupSize: Recorder
    private let syncDuration: Timer
    private let puts: Counter
    private let diskWrites: Counter
    private let writtenBytes: Counter
    private let factory: any MetricsFactory
    private let failures = Mutex<[StoreError.Code: Counter]>([:])

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        groupSize = Recorder(
            label: ServerMetric.groupSize.rawValue, dimensions: [], aggregate: true,
            factory: factory)
        syncDuration = Timer(
            label: ServerMetric.syncDuration.rawValue, dimensions: [], factory: factory)
        puts = Counter(label: ServerMetric.puts.rawValue, dimensions: [], factory: factory)
        diskWrites = Counter(
            label: ServerMetric.diskWrites.rawValue, dimensions: [], factory: factory)
        writtenBytes = Counter(
            label: ServerMetric.writtenBytes.rawValue, dimensions: [], factory: factory)
    }

    func committed(entryCount: Int, byteCount: Int) {
        groupSize.record(entryCount)
        puts.increment(by: entryCount)
        diskWrites.increment()
        writtenBytes.increment(by: byteCount)
    }

    func synchronized(in duration: Duration) {
        let (seconds, attoseconds) = duration.components
        syncDuration.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    func failed(appendCount: Int, _ code: StoreError.Code) {
        let counter = failures.withLock { failures in
            if let known = failures[code] { return known }
            let made = Counter(
                label: ServerMetric.failedAppends.rawValue, dimensions: [("reason", code.rawValue)],
                factory: factory)
            failures[code] = made
            return made
        }
        counter.increment(by: appendCount)
    }
}
