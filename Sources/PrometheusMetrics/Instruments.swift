import CoreMetrics
import Synchronization

/// A series of samples: the values of a metric for one set of labels.
protocol Instrument: AnyObject, Sendable {
    /// Appends the lines of this series. `labels` is `{name="value"}`, or empty.
    func write(name: String, labels: SeriesLabels, to text: inout String)
}

/// A whole number that grows.
final class CounterInstrument: CounterHandler, Instrument {
    private let value = Atomic<Int64>(0)

    var current: Int64 { value.load(ordering: .relaxed) }

    func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    func write(name: String, labels: SeriesLabels, to text: inout String) {
        text += "\(name)\(labels.text) \(current)\n"
    }
}

/// A number that goes up and down: the last one that was set or recorded.
final class GaugeInstrument: MeterHandler, RecorderHandler, Instrument {
    private let bits = Atomic<UInt64>(0)

    var current: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func decrement(by amount: Double) { increment(by: -amount) }

    func increment(by amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.compareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }

    func write(name: String, labels: SeriesLabels, to text: inout String) {
        text += "\(name)\(labels.text) \(sample(current))\n"
    }
}

/// Counts the recorded numbers up to each bound, and sums them. Timers record seconds.
final class HistogramInstrument: TimerHandler, RecorderHandler, Instrument {
    private let bounds: [Double]
    /// A counter for each bound, and one for the numbers above all of them.
    private let counts: [CounterInstrument]
    private let sum = GaugeInstrument()

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in CounterInstrument() }
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func record(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count].increment(by: 1)
        sum.increment(by: value)
    }

    func write(name: String, labels: SeriesLabels, to text: inout String) {
        var total: Int64 = 0
        for (bucket, count) in counts.enumerated() {
            total += count.current
            let bound = bucket < bounds.count ? sample(bounds[bucket]) : "+Inf"
            text += "\(name)_bucket\(labels.text(with: "le", bound)) \(total)\n"
        }
        text += "\(name)_sum\(labels.text) \(sample(sum.current))\n"
        text += "\(name)_count\(labels.text) \(total)\n"
    }
}

/// Formats a number for Prometheus: whole numbers without a point.
func sample(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
}
