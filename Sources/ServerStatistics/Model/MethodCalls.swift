/// The calls of one method since the server's start.
public struct MethodCalls: Equatable, Sendable {
    public enum Kind: Sendable { case read, write, other }

    public let name: String
    /// The number of calls that have ended.
    public let callCount: UInt64
    /// The durations in seconds; nil if the server does not measure them.
    public let duration: Distribution?

    public var kind: Kind {
        if Self.reads.contains(name) { return .read }
        return Self.writes.contains(name) ? .write : .other
    }

    public var averageMicroseconds: Double? { duration?.average.map { $0 * 1_000_000 } }

    private static let reads: Set = [
        "ByIndex", "ByIndexSV", "Consistency", "Count", "CurrentRoot", "Dump", "Get", "GetBatch",
        "GetBatchSV", "GetSV", "Health", "History", "HistorySV", "IScan", "IScanSV", "Inclusion",
        "Login", "SafeGet", "SafeGetSV", "Scan", "ScanSV", "ZScan", "ZScanSV",
    ]
    private static let writes: Set = [
        "Reference", "SafeReference", "SafeSet", "SafeSetSV", "SafeZAdd", "Set", "SetBatch",
        "SetBatchSV", "SetSV", "ZAdd",
    ]

    static func all(_ metrics: MetricTable) -> [MethodCalls] {
        var counts: [String: UInt64] = [:]
        func add(_ sample: MetricSample) {
            let method = sample.label("grpc_method")
            counts[method] = ServerStatistics.sumOrMax(
                counts[method] ?? 0, ServerStatistics.count(sample.value) ?? 0)
        }
        metrics["grpc_server_handled_total"].forEach(add)
        let durationCounts = metrics["grpc_server_handling_seconds_count"]
        if counts.isEmpty { durationCounts.forEach(add) }
        var durations: [String: Distribution] = [:]
        let sums = Dictionary(
            metrics["grpc_server_handling_seconds_sum"].map { ($0.label("grpc_method"), $0.value) }
        ) { first, _ in first }
        for sample in durationCounts {
            let method = sample.label("grpc_method")
            guard let count = ServerStatistics.count(sample.value),
                let sum = sums[method].flatMap(ServerStatistics.finite), sum >= 0
            else { continue }
            durations[method] = Distribution(count: count, sum: sum)
        }
        return counts.keys.sorted().map { name in
            MethodCalls(
                name: name, callCount: counts[name] ?? 0, duration: durations[name])
        }
    }
}

/// The total of the calls of several methods.
public struct CallTotal: Equatable, Sendable {
    public private(set) var callCount: UInt64 = 0
    public private(set) var measuredCount: UInt64 = 0
    public private(set) var seconds = 0.0

    /// The average of all calls, not of the methods' averages.
    public var averageMicroseconds: Double? {
        measuredCount == 0 ? nil : seconds / Double(measuredCount) * 1_000_000
    }

    mutating func add(_ method: MethodCalls) {
        callCount = ServerStatistics.sumOrMax(callCount, method.callCount)
        guard let duration = method.duration else { return }
        measuredCount = ServerStatistics.sumOrMax(measuredCount, duration.count)
        seconds += duration.sum
    }
}

extension ServerStatistics {
    /// Returns the total of the methods that the original counts as reads, or as writes.
    public func total(of kind: MethodCalls.Kind) -> CallTotal {
        methods.filter { $0.kind == kind }.reduce(into: CallTotal()) { $0.add($1) }
    }

    /// Returns the number of clients whose last call is less than an hour ago, or in the future by
    /// this machine's clock.
    public func activeClientCount(at now: Double) -> Int {
        clients.count { client in client.lastCall.map { now - Double($0) < 3_600 } ?? false }
    }

    /// The number of calls that the server refused or had no resources for.
    public var refusedCallCount: UInt64 {
        let codes: Set = [
            "PermissionDenied", "ResourceExhausted", "Unauthenticated", "Unavailable",
        ]
        return failedCalls.filter { codes.contains($0.name) }.map(\.count)
            .reduce(0, Self.sumOrMax)
    }

    /// The bytes of all databases on the disk.
    public var storedByteCount: UInt64 { storage.map(\.byteCount).reduce(0, Self.sumOrMax) }

    /// The sum of the parts of memory; nil if the server reports none.
    public var usedMemoryByteCount: UInt64? {
        memoryParts.isEmpty ? nil : memoryParts.map(\.count).reduce(0, Self.sumOrMax)
    }
}
