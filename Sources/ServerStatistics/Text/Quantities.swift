import Foundation
import Terminal

/// Formats numbers for display.
enum Quantities {
    /// Returns a duration as Go writes it: `28.8s`, `1m38.64s`, `749.641765ms`.
    static func duration(nanoseconds: Int64) -> String {
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        switch magnitude {
        case 0: return "0s"
        case ..<1_000: return "\(sign)\(magnitude)ns"
        case ..<1_000_000: return sign + fraction(magnitude, of: 1_000) + "µs"
        case ..<1_000_000_000: return sign + fraction(magnitude, of: 1_000_000) + "ms"
        default:
            let (minutes, rest) = magnitude.quotientAndRemainder(dividingBy: 60_000_000_000)
            let seconds = fraction(rest, of: 1_000_000_000) + "s"
            guard minutes > 0 else { return sign + seconds }
            let hours = minutes / 60
            return sign + (hours > 0 ? "\(hours)h" : "") + "\(minutes % 60)m" + seconds
        }
    }

    /// Returns `number / unit` with all decimals.
    private static func fraction(_ number: UInt64, of unit: UInt64) -> String {
        let (whole, rest) = number.quotientAndRemainder(dividingBy: unit)
        guard rest > 0 else { return "\(whole)" }
        let digits = String("\(unit + rest)".dropFirst())
        let end = digits.lastIndex { $0 != "0" } ?? digits.startIndex
        return "\(whole).\(digits[...end])"
    }

    /// Returns whole seconds as Go writes a duration: `98s` as `1m38s`.
    static func duration(wholeSeconds seconds: Double) -> String {
        guard seconds.isFinite, seconds.magnitude < 9e9 else { return "?" }
        return duration(nanoseconds: Int64(seconds.rounded(.down)) * 1_000_000_000)
    }

    /// Returns a size as `1023 B` or `1.0 kB`: steps of 1024, one decimal.
    static func size(_ byteCount: UInt64) -> String {
        guard byteCount >= 1_024 else { return "\(byteCount) B" }
        var (unit, exponent) = (1_024.0, 0)
        while Double(byteCount) >= unit * 1_024, exponent < 5 {
            unit *= 1_024
            exponent += 1
        }
        let letter = ["k", "M", "G", "T", "P", "E"][exponent]
        return String(format: "%.1f ", Double(byteCount) / unit) + letter + "B"
    }

    /// Returns a fractional size, for the scale of a plot.
    static func size(_ byteCount: Double) -> String {
        size(UInt64(exactly: byteCount.rounded()) ?? .max)
    }

    /// Returns a number without decimals.
    static func whole(_ number: Double) -> String {
        number.isFinite ? String(format: "%.0f", number) : "?"
    }

    /// Returns a number in at most five characters: `0.25`, `12.5`, `999`, `12k`, `3.4M`.
    static func short(_ number: Double) -> String {
        guard number.isFinite else { return "?" }
        switch number.magnitude {
        case ..<0.005: return "0"
        case ..<10: return trimmed(String(format: "%.2f", number))
        case ..<100: return trimmed(String(format: "%.1f", number))
        case ..<9_999.5: return String(format: "%.0f", number)
        case ..<999_500: return String(format: "%.0fk", number / 1e3)
        case ..<99_950_000: return trimmed(String(format: "%.1f", number / 1e6)) + "M"
        case ..<999_500_000: return String(format: "%.0fM", number / 1e6)
        default: return String(format: "%.3gG", number / 1e9)
        }
    }

    private static func trimmed(_ decimals: String) -> String {
        guard decimals.contains(".") else { return decimals }
        var text = decimals
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    /// Returns a name such as `block_cache` as words.
    static func words(_ name: String) -> String { Self.name(name).replacing("_", with: " ") }

    /// Returns a server's name on one line: control characters and line ends are shown as `\xNN`.
    static func name(_ text: String) -> String {
        String(decoding: TerminalText.escaped(Array(text.utf8)), as: UTF8.self)
            .replacing("\n", with: "\\x0a").replacing("\t", with: "\\x09")
    }
}
