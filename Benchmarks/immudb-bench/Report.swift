import Glibc

/// Lines of figures: what, how much, and the bound that the project sets itself.
struct Report {
    private var missed: [String] = []

    enum Bound {
        case atLeast(Double)
        case atMost(Double)
        case none
    }

    init() {
        line("figure", "value", "bound", "", of: "from")
    }

    /// One figure.
    /// - Parameter detail: the raw numbers that it was made of.
    mutating func add(
        _ name: String, _ value: Double, unit: String, _ bound: Bound, _ detail: String
    ) {
        let (text, holds) =
            switch bound {
            case .atLeast(let least): (">= " + Self.number(least), value >= least)
            case .atMost(let most): ("<= " + Self.number(most), value <= most)
            case .none: ("", true)
            }
        if !holds { missed.append(name) }
        line(name, "\(Self.number(value)) \(unit)", text, holds ? "" : "MISSED", of: detail)
    }

    func end() {
        print(missed.isEmpty ? "\nall bounds hold" : "\nmissed: \(missed.joined(separator: ", "))")
    }

    private func line(
        _ name: String, _ value: String, _ bound: String, _ mark: String, of detail: String
    ) {
        print(
            Self.pad(name, 50), Self.pad(value, 14), Self.pad(bound, 8), Self.pad(mark, 6), detail)
        fflush(nil)  // All streams: Swift has no safe way to name standard output.
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func number(_ value: Double) -> String {
        let digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
        let scale = pow(10, Double(digits))
        let rounded = (value * scale).rounded() / scale
        return digits == 0 ? String(Int(rounded)) : String(rounded)
    }
}
