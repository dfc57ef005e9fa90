import Testing

@testable import ServerStatistics

@Suite("Quantities as they are shown")
struct QuantitiesTests {
    @Test(
        "durations are written as Go writes them",
        arguments: [
            (0, "0s"), (1, "1ns"), (1_100, "1.1µs"), (999_999, "999.999µs"),
            (749_641_765, "749.641765ms"), (28_800_000_000, "28.8s"), (98_640_000_000, "1m38.64s"),
            (3_600_000_000_000, "1h0m0s"), (100 * 3_600_000_000_000 + 1, "100h0m0.000000001s"),
            (-1_500_000_000, "-1.5s"), (Int64.max, "2562047h47m16.854775807s"),
            (Int64.min, "-2562047h47m16.854775808s"),
        ] as [(Int64, String)])
    func durations(nanoseconds: Int64, expected: String) {
        #expect(Quantities.duration(nanoseconds: nanoseconds) == expected)
    }

    @Test(
        "sizes have one decimal from a kilobyte of 1024 on",
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 kB"), (1_536, "1.5 kB"),
            (1 << 20, "1.0 MB"), (5 << 30, "5.0 GB"), (3 << 40, "3.0 TB"), (1 << 50, "1.0 PB"),
            (UInt64.max, "16.0 EB"),
        ] as [(UInt64, String)])
    func sizes(byteCount: UInt64, expected: String) {
        #expect(Quantities.size(byteCount) == expected)
    }

    @Test(
        "numbers of a scale are short",
        arguments: [
            (0, "0"), (0.25, "0.25"), (3.2, "3.2"), (12.54, "12.5"), (999, "999"), (9_999, "9999"),
            (12_345, "12k"), (1_500_000, "1.5M"), (123_000_000, "123M"), (.infinity, "?"),
            (.nan, "?"), (1e300, "1e+291G"),
        ] as [(Double, String)])
    func short(number: Double, expected: String) {
        #expect(Quantities.short(number) == expected)
    }

    @Test("a name stays on its line, and a terminal does not obey it")
    func names() {
        #expect(Quantities.name("a\nb\tc\u{1b}[2Jé") == "a\\x0ab\\x09c\\x1b[2Jé")
    }
}
