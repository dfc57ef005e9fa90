/// Samples by the names of their metrics.
struct MetricTable {
    private let samples: [String: [MetricSample]]

    init(_ samples: [MetricSample]) { self.samples = Dictionary(grouping: samples, by: \.name) }

    subscript(name: String) -> [MetricSample] { samples[name] ?? [] }

    /// The first sample's value.
    func value(_ name: String) -> Double? { self[name].first?.value }

    func count(_ name: String) -> UInt64? { value(name).flatMap { ServerStatistics.count($0) } }

    /// Over all series; nil if there is no sample.
    func sum(_ name: String) -> UInt64? {
        self[name].isEmpty
            ? nil
            : self[name].map { ServerStatistics.count($0.value) ?? 0 }
                .reduce(0, ServerStatistics.sumOrMax)
    }

    /// Whether it is 1 in all series; nil if there is no sample.
    func truth(_ name: String) -> Bool? {
        self[name].isEmpty ? nil : self[name].allSatisfy { $0.value == 1 }
    }
}

extension ServerStatistics {
    /// A number that counts something; nil for one that cannot.
    static func count(_ value: Double) -> UInt64? { UInt64(exactly: value.rounded()) }

    /// What a stranger adds up to may be more than fits.
    static func sumOrMax(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, isTooLarge) = left.addingReportingOverflow(right)
        return isTooLarge ? .max : sum
    }

    static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}
