public import CoreMetrics
import Synchronization

/// Keeps the metrics that a process records through swift-metrics, and writes them in Prometheus'
/// text format, version 0.0.4.
///
/// The code that records metrics determines the number of series: only `destroy` drops one.
/// Recording costs an atomic addition, or a lock that is held briefly.
public final class PrometheusRegistry: MetricsFactory, Sendable {
    /// The media type of `text()`, for the header Content-Type.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct Series {
        let labels: SeriesLabels
        let instrument: any Instrument
    }

    private struct Family {
        var type: MetricDescription.MetricType
        /// The series in the order of their creation.
        var series: [Series] = []
        var positions: [SeriesLabels: Int] = [:]
    }

    private let descriptions: [String: MetricDescription]
    private let families = Mutex<[String: Family]>([:])

    /// - Parameter descriptions: the metrics that need a help text, another type than that of their
    ///   recorder, or buckets.
    public init(_ descriptions: [MetricDescription] = []) {
        self.descriptions = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Returns all samples, ordered by the names of their metrics.
    public func text() -> String {
        var text = ""
        for (name, family) in families.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            if let help = descriptions[name]?.help {
                let escaped = help.split(separator: "\\", omittingEmptySubsequences: false)
                    .joined(separator: "\\\\")
                    .split(separator: "\n", omittingEmptySubsequences: false).joined(
                        separator: "\\n")
                text += "# HELP \(name) \(escaped)\n"
            }
            text += "# TYPE \(name) \(family.type.rawValue)\n"
            for series in family.series {
                series.instrument.write(name: name, labels: series.labels, to: &text)
            }
        }
        return text
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(label, dimensions, .counter) { CounterInstrument() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(label, dimensions, .gauge) { GaugeInstrument() }
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        aggregate
            ? histogram(label, dimensions)
            : instrument(label, dimensions, .gauge) { GaugeInstrument() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func histogram(_ name: String, _ labels: [(String, String)]) -> HistogramInstrument {
        let bounds = descriptions[name]?.bounds ?? []
        return instrument(name, labels, .histogram) {
            HistogramInstrument(bounds: bounds.isEmpty ? Self.usualBounds : bounds)
        }
    }

    /// The bounds of timers without a description, in seconds.
    private static let usualBounds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// Returns the series with that name and those labels. Makes it if it is missing or of another
    /// kind.
    private func instrument<Kind: Instrument>(
        _ name: String, _ labels: [(String, String)], _ type: MetricDescription.MetricType,
        make: () -> Kind
    ) -> Kind {
        let labels = SeriesLabels(labels)
        return families.withLock { families in
            var family = families[name] ?? Family(type: descriptions[name]?.type ?? type)
            defer { families[name] = family }
            if let position = family.positions[labels] {
                if let known = family.series[position].instrument as? Kind { return known }
                let made = make()
                family.series[position] = Series(labels: labels, instrument: made)
                return made
            }
            let made = make()
            family.positions[labels] = family.series.count
            family.series.append(Series(labels: labels, instrument: made))
            return made
        }
    }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, var family) in families {
                guard let position = family.series.firstIndex(where: { $0.instrument === handler })
                else { continue }
                family.series.remove(at: position)
                family.positions = Dictionary(
                    uniqueKeysWithValues: family.series.enumerated().map { ($1.labels, $0) })
                families[name] = family.series.isEmpty ? nil : family
                return
            }
        }
    }
}
