/// A histogram: the distribution of a quantity.
public struct Distribution: Equatable, Sendable {
    public let count: UInt64
    public let sum: Double
    /// The number of values up to each bound, by ascending bound. The last bound may be infinite.
    public let buckets: [Bucket]

    public struct Bucket: Equatable, Sendable {
        public let bound: Double
        public let count: UInt64
    }

    public init(count: UInt64, sum: Double, buckets: [Bucket] = []) {
        self.count = count
        self.sum = sum
        self.buckets = buckets
    }

    /// Reads the histogram of a metric with one series; nil if there is none.
    init?(_ metrics: MetricTable, _ name: String) {
        guard let count = metrics.count(name + "_count"),
            let sum = metrics.value(name + "_sum").flatMap(ServerStatistics.finite)
        else { return nil }
        let buckets = metrics[name + "_bucket"].compactMap { sample -> Bucket? in
            let text = sample.label("le")
            guard let bound = text == "+Inf" ? .infinity : Double(text), !bound.isNaN,
                let count = ServerStatistics.count(sample.value)
            else { return nil }
            return Bucket(bound: bound, count: count)
        }
        self.init(count: count, sum: sum, buckets: buckets.sorted { $0.bound < $1.bound })
    }

    public var average: Double? { count == 0 ? nil : sum / Double(count) }

    /// Returns the smallest known bound that at least this part of all values does not exceed. Infinite if the value
    /// is above all bounds, nil without values.
    public func bound(ofPart part: Double) -> Double? {
        guard count > 0 else { return nil }
        let needed = (Double(count) * part).rounded(.up)
        return buckets.first { Double($0.count) >= needed }?.bound ?? .infinity
    }
}
