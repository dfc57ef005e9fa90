import CoreMetrics
import PrometheusMetrics
import Testing

@Suite("Metrics as Prometheus reads them")
struct PrometheusRegistryTests {
    @Test("include counters, gauges and histograms, by name, with help and type")
    func kinds() {
        let registry = PrometheusRegistry([
            MetricDescription("calls_total", .counter, "Calls so far."),
            MetricDescription("size", .untyped, "A size,\nin \\ bytes."),
            MetricDescription("wait_seconds", .histogram, "Waits.", bounds: [0.5, 1]),
            MetricDescription("never", .counter, "Nobody records it."),
        ])
        let calls = Counter(
            label: "calls_total", dimensions: [("method", "Get"), ("code", "OK")], factory: registry
        )
        calls.increment(by: 3)
        Counter(label: "calls_total", dimensions: [("method", "Set")], factory: registry)
            .increment()
        Meter(label: "size", dimensions: [], factory: registry).set(1.5)
        let level = Gauge(label: "level", dimensions: [], factory: registry)
        level.record(7)
        level.record(-2)
        let wait = Timer(label: "wait_seconds", dimensions: [("kind", "x")], factory: registry)
        wait.recordMilliseconds(500)
        wait.recordMilliseconds(501)
        wait.recordSeconds(2)
        #expect(
            registry.text() == """
                # HELP calls_total Calls so far.
                # TYPE calls_total counter
                calls_total{method="Get",code="OK"} 3
                calls_total{method="Set"} 1
                # TYPE level gauge
                level -2
                # HELP size A size,\\nin \\\\ bytes.
                # TYPE size untyped
                size 1.5
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{kind="x",le="0.5"} 1
                wait_seconds_bucket{kind="x",le="1"} 2
                wait_seconds_bucket{kind="x",le="+Inf"} 3
                wait_seconds_sum{kind="x"} 3.001
                wait_seconds_count{kind="x"} 3

                """)
    }

    @Test("are the same series for the same name and labels, until it is destroyed")
    func series() {
        let registry = PrometheusRegistry()
        func counter(_ value: String) -> Counter {
            Counter(label: "c", dimensions: [("a", value)], factory: registry)
        }
        counter("x").increment()
        counter("x").increment(by: 2)
        counter("y").increment()
        #expect(registry.text() == "# TYPE c counter\nc{a=\"x\"} 3\nc{a=\"y\"} 1\n")
        counter("x").destroy()
        #expect(registry.text() == "# TYPE c counter\nc{a=\"y\"} 1\n")
        counter("y").destroy()
        #expect(registry.text() == "")
    }

    @Test("have label values that cannot end their line or quotes")
    func escaping() {
        let registry = PrometheusRegistry()
        Counter(label: "c", dimensions: [("a", "x\"} 9\n\\d 1")], factory: registry).increment()
        #expect(registry.text() == "# TYPE c counter\nc{a=\"x\\\"} 9\\n\\\\d 1\"} 1\n")
    }

    @Test("lose nothing that many threads record")
    func concurrency() async {
        let registry = PrometheusRegistry()
        await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    let counter = Counter(label: "c", dimensions: [], factory: registry)
                    let meter = Meter(label: "m", dimensions: [], factory: registry)
                    let timer = Timer(
                        label: "t", dimensions: [("n", "\(number % 2)")], factory: registry)
                    for _ in 0..<1_000 {
                        counter.increment()
                        meter.increment()
                        timer.recordSeconds(1)
                    }
                }
            }
        }
        let lines = Set(registry.text().split(separator: "\n"))
        #expect(lines.contains("c 8000") && lines.contains("m 8000"))
        #expect(lines.contains("t_count{n=\"0\"} 4000") && lines.contains("t_sum{n=\"1\"} 4000"))
    }
}
