/// A number in a server's metrics: one line of Prometheus' text format.
public struct MetricSample: Equatable, Sendable {
    public let name: String
    /// The labels in the order of the line. If a name occurs twice, the first one applies.
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

    /// Returns the value of a label; empty if there is none, which Prometheus treats the same way.
    public func label(_ name: String) -> String { labels.first { $0.name == name }?.value ?? "" }
}
