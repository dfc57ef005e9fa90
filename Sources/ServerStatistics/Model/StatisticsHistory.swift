/// A server's statistics over time: the newest samples, up to a limit, and the growth of the counters between them.
///
/// Counters restart from zero with the server, and their growth is unknown while the server does not answer: for such
/// times there is a gap, not a rate.
public struct StatisticsHistory: Sendable {
    /// Two dots per cell on the widest grid: an hour at three seconds.
    public static let capacity = 1_200

    /// A sample, with the growth since the one before it.
    public struct Point: Equatable, Sendable {
        /// Seconds by a monotonic clock.
        public let time: Double
        /// The growth since the previous sample; nil if there is no rate.
        public var growth: Growth?
        public let ledgerByteCount: Double
        public let indexByteCount: Double
        public let treeByteCount: Double
        public let residentByteCount: Double?
        public let usedByteCount: Double?
    }

    /// Calls per second and their durations; nil if there were none.
    public struct Growth: Equatable, Sendable {
        public let readsPerSecond: Double
        public let writesPerSecond: Double
        public let entriesPerSecond: Double
        public let readMicroseconds: Double?
        public let writeMicroseconds: Double?
        public let refusedPerSecond: Double
    }

    /// A period without answers.
    public struct Silence: Equatable, Sendable {
        /// Seconds since 1970.
        public let since: Double
        public let reason: String
    }

    public private(set) var points: [Point] = []
    public private(set) var latest: ServerStatistics?
    /// The time of ``latest``, in seconds since 1970.
    public private(set) var latestTime: Double?
    /// The current silence; nil while the server answers.
    public private(set) var silence: Silence?
    /// The time at which a restart of the server was last seen, in seconds since 1970.
    public private(set) var restartTime: Double?
    private var latestMoment: Double?

    public init() {}

    /// - Parameters:
    ///   - moment: seconds by a monotonic clock.
    ///   - now: seconds since 1970.
    public mutating func add(_ statistics: ServerStatistics, moment: Double, now: Double) {
        var growth: Growth?
        if let latest, let latestMoment {
            if statistics.isOfAnotherRun(than: latest) {
                restartTime = now
            } else if moment > latestMoment {
                growth = Growth(from: latest, to: statistics, seconds: moment - latestMoment)
            }
        }
        func total(_ part: KeyPath<ServerStatistics.DatabaseStorage, UInt64>) -> Double {
            statistics.storage.reduce(0) { $0 + Double($1[keyPath: part]) }
        }
        points.append(
            Point(
                time: moment, growth: growth, ledgerByteCount: total(\.ledgerByteCount),
                indexByteCount: total(\.indexByteCount), treeByteCount: total(\.treeByteCount),
                residentByteCount: statistics.process.residentByteCount.map { Double($0) },
                usedByteCount: statistics.usedMemoryByteCount.map { Double($0) }))
        if points.count > Self.capacity { points.removeFirst(points.count - Self.capacity) }
        latest = statistics
        latestTime = now
        latestMoment = moment
        silence = nil
    }

    /// Notes that the server did not answer, or that its answer cannot be shown.
    public mutating func addFailure(_ reason: String, now: Double) {
        silence = Silence(since: silence?.since ?? now, reason: reason)
    }
}

extension ServerStatistics {
    /// Returns whether the server restarted between `before` and this, so that its counters restarted, too.
    func isOfAnotherRun(than before: ServerStatistics) -> Bool {
        if let start = process.start, let startBefore = before.process.start,
            abs(start - startBefore) > 1
        {
            return true
        }
        return uptimeHours < before.uptimeHours || isLess(than: before)
    }

    private func isLess(than before: ServerStatistics) -> Bool {
        let counts = Dictionary(methods.map { ($0.name, $0.callCount) }) { first, _ in first }
        return entryCount < before.entryCount
            || before.methods.contains { counts[$0.name] ?? 0 < $0.callCount }
    }
}

extension StatisticsHistory.Growth {
    fileprivate init(from before: ServerStatistics, to after: ServerStatistics, seconds: Double) {
        func rate(_ count: (ServerStatistics) -> UInt64) -> Double {
            max(0, Double(count(after)) - Double(count(before))) / seconds
        }
        readsPerSecond = rate { $0.total(of: .read).callCount }
        writesPerSecond = rate { $0.total(of: .write).callCount }
        entriesPerSecond = rate(\.entryCount)
        refusedPerSecond = rate(\.refusedCallCount)
        readMicroseconds = Self.average(.read, before, after)
        writeMicroseconds = Self.average(.write, before, after)
    }

    private static func average(
        _ kind: MethodCalls.Kind, _ before: ServerStatistics, _ after: ServerStatistics
    ) -> Double? {
        let (earlier, later) = (before.total(of: kind), after.total(of: kind))
        let seconds = later.seconds - earlier.seconds
        guard later.measuredCount > earlier.measuredCount, seconds >= 0 else { return nil }
        return seconds / Double(later.measuredCount - earlier.measuredCount) * 1_000_000
    }
}
