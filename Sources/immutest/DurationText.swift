import Foundation
import ImmudbClient

/// Formats durations for people.
enum DurationText {
    /// Returns a text such as `12.345ms`, `1.234s` or `2m3.4s`.
    static func text(of duration: Duration) -> String {
        let milliseconds =
            Double(duration.components.seconds) * 1_000
            + Double(duration.components.attoseconds) / 1e15
        let seconds = milliseconds / 1_000
        if seconds < 1 { return String(format: "%.3fms", milliseconds) }
        if seconds < 60 { return String(format: "%.3fs", seconds) }
        let minutes = Int(seconds / 60)
        return "\(minutes)m" + String(format: "%.1fs", seconds - Double(minutes * 60))
    }
}
