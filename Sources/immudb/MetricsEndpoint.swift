import ImmudbGateway
import ImmudbServer
import MetricsHTTP
import PrometheusMetrics

extension MetricsEndpoint {
    /// Makes the endpoint for the metrics of a server, and of a gateway in its process.
    convenience init() {
        let registry = PrometheusRegistry(
            ServerMetric.allCases.map { metric in
                MetricDescription(
                    metric.rawValue, MetricDescription.MetricType(metric.type), metric.help,
                    bounds: metric.bounds)
            } + Gateway.metricDescriptions)
        self.init(
            registry, serverName: "immudb",
            maxConnectionCount: DescriptorBudget.metricsConnectionCount)
    }
}

extension MetricDescription.MetricType {
    fileprivate init(_ type: ServerMetric.MetricType) {
        switch type {
        case .counter: self = .counter
        case .gauge: self = .gauge
        case .histogram: self = .histogram
        case .untyped: self = .untyped
        }
    }
}
