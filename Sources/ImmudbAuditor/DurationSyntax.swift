/// The syntax of durations as Go has it, by which the original's settings are written: `60s`, `1h30m`, `1.5h`, `500ms`; and
/// days, `7d`.
public enum DurationSyntax {
    private static let units: [(name: String, seconds: Double)] = [
        ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400),
    ]

    /// The reason why a text is no duration.
    public struct Fault: Error, CustomStringConvertible {
        public let description = "give a duration such as 60s, 5m, 1h30m or 7d"
    }

    /// - Throws: `Fault` also for one of more than a hundred years.
    public static func duration(_ text: String) throws(Fault) -> Duration {
        if text == "0" { return .zero }
        var seconds = 0.0
        var rest = text[...]
        guard !rest.isEmpty else { throw Fault() }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let number = Double(digits), number.isFinite,
                let unit = units.first(where: { $0.name == name })
            else { throw Fault() }
            seconds += number * unit.seconds
        }
        guard seconds < 100 * 366 * 86_400 else { throw Fault() }
        return .milliseconds(Int64((seconds * 1_000).rounded()))
    }
}
