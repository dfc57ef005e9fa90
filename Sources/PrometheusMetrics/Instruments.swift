import CoreMetrics
import Synchronization

/// A series of samples: what a metric has for one set of labels.
protocol Instrument: AnyObject, Sendable {
    /// Appends its lines. `labels` is `{name="value"}`, or empty.
    func write(name: String, labels: SeriesLabels, to text: inout String)
}

/// A whole number that grows.
final class CounterInstrument: CounterHandler, Instrument {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    func write(name: String, labels: SeriesLabels, to text: inout String) {
        text += "\(name)\(labels.text) \(value.load(ordering: .relaxed))\n"
    }
}

/// A number that goes up and down: the last one that was set or recorded.
final class GaugeInstrument: MeterHandler, RecorderHandler, Instrument {
    private let bits = Atomic<UInt64>(0)

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
        let value = Double(bitPattern: bits.load(ordering: .relaxed))
        text += "\(name)\(labels.text) \(sample(value))\n"
    }
}

/// How many of the recorded numbers are up to each bound, and their sum. Timers record seconds.
final class HistogramInstrument: TimerHandler, RecorderHandler, Instrument {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func write(name: String, labels: SeriesLabels, to text: inout String) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var total: UInt64 = 0
        for (bucket, count) in counts.enumerated() {
            total += count
            let bound = bucket < bounds.count ? sample(bounds[bucket]) : "+Inf"
            text += "\(name)_bucket\(labels.text(with: "le", bound)) \(total)\n"
        }
        text += "\(name)_sum\(labels.text) \(sample(sum))\n"
        text += "\(name)_count\(labels.text) \(total)\n"
    }
}

/// A number as Prometheus reads it: whole ones without a point.
func sample(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
}
