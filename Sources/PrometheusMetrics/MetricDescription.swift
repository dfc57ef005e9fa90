/// The description of a metric in a scrape.
public struct MetricDescription: Sendable {
    /// The types of Prometheus' text format, which are not the kinds of swift-metrics.
    public enum MetricType: String, Sendable {
        case counter, gauge, histogram, untyped
    }

    public let name: String
    public let type: MetricType
    public let help: String
    /// The upper bounds of a histogram's buckets, in ascending order and in the metric's unit. The
    /// last bucket, which has no bound, is not in the list.
    public let bounds: [Double]

    public init(_ name: String, _ type: MetricType, _ help: String, bounds: [Double] = []) {
        self.name = name
        self.type = type
        self.help = help
        self.bounds = bounds
    }
}
