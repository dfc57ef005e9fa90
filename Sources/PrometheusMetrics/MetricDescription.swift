/// What a scrape says of a metric beside its samples.
public struct MetricDescription: Sendable {
    /// As Prometheus has them; a type that is none of the kinds of swift-metrics.
    public enum MetricType: String, Sendable {
        case counter, gauge, histogram, untyped
    }

    public let name: String
    public let type: MetricType
    public let help: String
    /// The upper bounds of a histogram's buckets, in ascending order and in the metric's unit; the last one, without
    /// a bound, is not named.
    public let bounds: [Double]

    public init(_ name: String, _ type: MetricType, _ help: String, bounds: [Double] = []) {
        self.name = name
        self.type = type
        self.help = help
        self.bounds = bounds
    }
}
