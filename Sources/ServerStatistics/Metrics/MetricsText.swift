/// The samples of a text in Prometheus' format, version 0.0.4, as `/metrics` returns it.
///
/// Reads immudb's metrics, and skips others by their names. The text is not trusted: for any text, reading ends with
/// samples or with an error, and takes memory in proportion to the text, whose length is limited.
public struct MetricsText: Sendable {
    /// immudb's answer has about 100 KB, or 300 KB with a thousand clients.
    public static let maxByteCount = 8 << 20
    static let maxSampleCount = 200_000
    static let maxLabelCount = 32

    /// The prefixes of the names of immudb's metrics.
    private static let prefixes = ["immudb_", "grpc_server_", "process_"].map { Array($0.utf8) }

    /// The samples in the order of the text.
    public let samples: [MetricSample]

    /// - Throws: `MetricsError` for an invalid line, and beyond the limits.
    public init(_ bytes: [UInt8]) throws(MetricsError) {
        guard bytes.count <= Self.maxByteCount else {
            throw MetricsError(.tooLarge, "the answer has more than \(Self.maxByteCount >> 20) MiB")
        }
        var samples: [MetricSample] = []
        var number = 0
        var rest = bytes[...]
        // Line by line, since an answer of only line ends would become millions of slices.
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var reader = SampleReader(rest[..<end])
            rest = rest[min(end + 1, rest.endIndex)...]
            number += 1
            guard let sample = try reader.sample(ofLine: number, among: Self.prefixes) else {
                continue
            }
            guard samples.count < Self.maxSampleCount else {
                throw MetricsError(
                    .tooLarge, "the answer has more than \(Self.maxSampleCount) samples")
            }
            samples.append(sample)
        }
        self.samples = samples
    }
}

/// Reads a line from left to right.
private struct SampleReader {
    private var rest: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) { rest = line }

    /// Reads a sample; returns nil for a comment, an empty line, and other metrics.
    mutating func sample(
        ofLine number: Int, among prefixes: [[UInt8]]
    ) throws(MetricsError) -> MetricSample? {
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        skipBlanks()
        guard let first = rest.first, first != UInt8(ascii: "#") else { return nil }
        let name = word(isName)
        guard let start = name.first, !isDigit(start) else {
            throw Self.error(number, "begins with no name of a metric")
        }
        guard prefixes.contains(where: name.starts(with:)) else { return nil }
        skipBlanks()
        var labels: [MetricSample.Label] = []
        if take("{") { labels = try self.labels(number) }
        skipBlanks()
        let text = word { !isBlank($0) }
        guard let value = Self.number(text) else { throw Self.error(number, "has no value") }
        skipBlanks()
        // A time in milliseconds, which is not used here.
        let time = word { !isBlank($0) }
        skipBlanks()
        guard rest.isEmpty, time.isEmpty || Int64(Self.string(time)) != nil else {
            throw Self.error(number, "goes on behind its value")
        }
        return MetricSample(Self.string(name), labels, value)
    }

    private mutating func labels(_ number: Int) throws(MetricsError) -> [MetricSample.Label] {
        var labels: [MetricSample.Label] = []
        while true {
            skipBlanks()
            if take("}") { return labels }
            guard labels.count < MetricsText.maxLabelCount else {
                throw Self.error(number, "has more than \(MetricsText.maxLabelCount) labels")
            }
            let name = word(isName)
            skipBlanks()
            guard !name.isEmpty, take("=") else { throw Self.error(number, "has a broken label") }
            skipBlanks()
            guard take("\""), let value = quoted() else {
                throw Self.error(number, "has a label without a quoted value")
            }
            labels.append(MetricSample.Label(Self.string(name), value))
            skipBlanks()
            if take(",") { continue }
            guard rest.first == UInt8(ascii: "}") else {
                throw Self.error(number, "has labels that do not end")
            }
        }
    }

    /// Reads the text up to and including the closing quotation mark; returns nil if there is none.
    private mutating func quoted() -> String? {
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                if escaped == UInt8(ascii: "n") {
                    bytes.append(UInt8(ascii: "\n"))
                } else {
                    // As in Prometheus, a backslash before any other character stays.
                    if escaped != UInt8(ascii: "\\"), escaped != UInt8(ascii: "\"") {
                        bytes.append(byte)
                    }
                    bytes.append(escaped)
                }
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func word(_ belongs: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let word = rest.prefix(while: belongs)
        rest = rest.dropFirst(word.count)
        return word
    }

    private mutating func skipBlanks() { _ = word(isBlank) }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Double? {
        let text = string(bytes)
        switch text.lowercased() {
        case "nan": return .nan
        case "+inf", "inf": return .infinity
        case "-inf": return -.infinity
        // Swift accepts further words, which Prometheus does not.
        default:
            return bytes.first.map { isDigit($0) || "+-.".utf8.contains($0) } == true
                ? Double(text) : nil
        }
    }

    private static func error(_ number: Int, _ what: String) -> MetricsError {
        MetricsError(.notMetrics, "line \(number) of the answer \(what)")
    }
}

private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}

private func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}

private func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "_"), UInt8(ascii: ":"):
        true
    default: isDigit(byte)
    }
}
