/// A number that a server tells: one line of Prometheus' text format.
public struct MetricSample: Equatable, Sendable {
    public let name: String
    /// In the order of the line. A name that comes twice counts once, the first time.
    public let labels: [Label]
    public let value: Double

    public struct Label: Equatable, Sendable {
        public let name: String
        public let value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(_ name: String, _ labels: [Label] = [], _ value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }

    /// The value of a label; empty if there is none, which means the same to Prometheus.
    public func label(_ name: String) -> String { labels.first { $0.name == name }?.value ?? "" }
}
