import CoreMetrics
import PrometheusMetrics
import TestTools
import Testing

@testable import ServerStatistics

@Suite("Prometheus' text format")
struct MetricsTextTests {
    private func read(_ text: String) throws -> [MetricSample] {
        try MetricsText(Array(text.utf8)).samples
    }

    @Test(
        "reads a line as a name, labels and a number",
        arguments: [
            ("immudb_a 1", MetricSample("immudb_a", 1)),
            ("  immudb_a\t 2.5e3 1700000000000", MetricSample("immudb_a", 2_500)),
            ("immudb_a{} +Inf", MetricSample("immudb_a", .infinity)),
            ("process_b -Inf\r", MetricSample("process_b", -.infinity)),
            (
                #"grpc_server_c { x="1" , y="" , } -3"#,
                MetricSample("grpc_server_c", [.init("x", "1"), .init("y", "")], -3)
            ),
            (
                #"immudb_a{x="a\\b\"c\nd\te, }{"} 0"#,
                MetricSample("immudb_a", [.init("x", "a\\b\"c\nd\\te, }{")], 0)
            ),
        ])
    func line(text: String, expected: MetricSample) throws {
        #expect(try read(text) == [expected])
    }

    @Test("reads NaN")
    func notANumber() throws {
        #expect(try read("immudb_a NaN").first?.value.isNaN == true)
    }

    @Test("skips comments, empty lines and other programs' metrics, whatever they say")
    func others() throws {
        #expect(
            try read("# TYPE a b\n\n  \n#\ngo_x{broken 1 2 3\nimmudbx 1\nimmudb_a 1\n").count == 1)
    }

    @Test(
        "refuses lines that are not of the format, and names the line",
        arguments: [
            "<html>", "1immudb_a 1", "immudb_a", "immudb_a x", "immudb_a 1 2 3", "immudb_a 1 x",
            "immudb_a{x=\"1\" 1", "immudb_a{x=1} 1", "immudb_a{=\"1\"} 1", "immudb_a{x=\"1} 1",
            "immudb_a{x=\"1\\", "immudb_a{x=\"1\"y=\"2\"} 1", "immudb_a nan(1)", "immudb_a{x",
        ])
    func broken(line: String) {
        let error = #expect(throws: MetricsError.self) { _ = try read("\nimmudb_a 1\n" + line) }
        #expect(error?.code == .notMetrics)
        #expect(error?.reason.hasPrefix("line 3 of the answer ") == true)
    }

    @Test("replaces bytes that are not UTF-8")
    func foreignBytes() throws {
        let bytes = Array("immudb_a{x=\"".utf8) + [0xff, 0xc3] + Array("\"} 1".utf8)
        #expect(try MetricsText(bytes).samples.first?.label("x") == "\u{fffd}\u{fffd}")
    }

    @Test("limits bytes, samples and labels")
    func limits() throws {
        #expect(throws: MetricsError.self) {
            _ = try MetricsText([UInt8](repeating: 0x20, count: MetricsText.maxByteCount + 1))
        }
        let many = String(repeating: "immudb_a 1\n", count: MetricsText.maxSampleCount)
        #expect(try read(many).count == MetricsText.maxSampleCount)
        let error = #expect(throws: MetricsError.self) { _ = try read(many + "immudb_a 1") }
        #expect(error?.code == .tooLarge)
        let labels = String(repeating: "a=\"\",", count: MetricsText.maxLabelCount)
        #expect(try read("immudb_a{\(labels)} 1").count == 1)
        #expect(throws: MetricsError.self) { _ = try read("immudb_a{\(labels)b=\"\"} 1") }
    }

    @Test(
        "reads the text of our registry as it was recorded", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let registry = PrometheusRegistry()
        var expected: [MetricSample] = []
        for number in 0..<random.next(below: 8) {
            let labels = (0..<random.next(below: 4)).map { label in
                ("label\(label)", text(&random))
            }
            let value = Double(bitPattern: random.next())
            let name = "immudb_\(number)"
            Meter(label: name, dimensions: labels, factory: registry).set(value)
            expected.append(
                MetricSample(name, labels.map { MetricSample.Label($0.0, $0.1) }, value))
        }
        let read = try read(registry.text())
        #expect(read.map(\.name) == expected.map(\.name), "seed \(seed)")
        #expect(read.map(\.labels) == expected.map(\.labels), "seed \(seed)")
        for (one, other) in zip(read, expected) {
            #expect(
                one.value == other.value || (one.value.isNaN && other.value.isNaN), "seed \(seed)")
        }
    }

    /// Draws a text with characters that must be escaped and characters of several bytes.
    private func text(_ random: inout SplitMix64) -> String {
        let characters: [Character] = [
            "\\", "\"", "\n", "a", "}", ",", "é", "\u{1b}", "漢", "=",
        ]
        return String((0..<random.next(below: 6)).map { _ in characters[random.next(below: 10)] })
    }

    @Test(
        "reads or refuses a damaged text, and shows none of its control characters",
        arguments: 0..<300 as Range<UInt64>
    )
    func damage(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var bytes = Array(SampleMetrics().text.utf8)
        for _ in 0...random.next(below: 12) {
            let place = random.next(below: bytes.count)
            switch random.next(below: 4) {
            case 0: bytes[place] = UInt8(random.next(below: 256))
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + random.next(below: 40)))
            case 2: bytes.insert(contentsOf: "9e99".utf8, at: place)
            default: bytes.insert(contentsOf: bytes[place...].prefix(60), at: place)
            }
        }
        guard let text = try? MetricsText(bytes), let statistics = try? ServerStatistics(text)
        else {
            return
        }
        // The only control characters are line ends and tabs.
        let shown = statistics.text(now: 1_700_000_100)
        #expect(
            !shown.unicodeScalars.contains {
                $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t"
            }, "seed \(seed)")
    }
}

extension MetricSample {
    fileprivate init(_ name: String, _ value: Double) { self.init(name, [], value) }
}
