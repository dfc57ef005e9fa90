/// Samples by the names of their metrics.
struct MetricTable {
    private let samples: [String: [MetricSample]]

    init(_ samples: [MetricSample]) { self.samples = Dictionary(grouping: samples, by: \.name) }

    subscript(name: String) -> [MetricSample] { samples[name] ?? [] }

    /// Returns the value of the first sample.
    func value(_ name: String) -> Double? { self[name].first?.value }

    func count(_ name: String) -> UInt64? { value(name).flatMap { ServerStatistics.count($0) } }

    /// Returns the sum of all series; nil if there is no sample.
    func sum(_ name: String) -> UInt64? {
        self[name].isEmpty
            ? nil
            : self[name].map { ServerStatistics.count($0.value) ?? 0 }
                .reduce(0, ServerStatistics.sumOrMax)
    }

    /// Returns whether the value is 1 in all series; nil if there is no sample.
    func truth(_ name: String) -> Bool? {
        self[name].isEmpty ? nil : self[name].allSatisfy { $0.value == 1 }
    }
}

extension ServerStatistics {
    /// Returns a value as a count; nil if it is not one.
    static func count(_ value: Double) -> UInt64? { UInt64(exactly: value.rounded()) }

    /// Returns the sum of two numbers, or the largest number if the sum does not fit.
    static func sumOrMax(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, isTooLarge) = left.addingReportingOverflow(right)
        return isTooLarge ? .max : sum
    }

    static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}
