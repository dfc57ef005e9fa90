import Logging
import Synchronization
import Testing

@testable import ImmudbGateway

@Suite("The log of failures")
struct FailureLogTests {
    private let lines = RecordedLines()

    private func makeLog() -> FailureLog {
        FailureLog(Logger(label: "test") { [lines] _ in RecordingHandler(lines: lines) })
    }

    @Test("has ten lines of a kind in a second, and says that there are more")
    func rate() {
        let log = makeLog()
        for number in 0..<25 { log.report("a", "failure \(number)", every: .seconds(3_600)) }
        log.report("b", "another", every: .seconds(3_600))
        #expect(lines.all.count == 11)
        #expect(lines.all[8] == "failure 8")
        #expect(lines.all[9].hasPrefix("failure 9 (more of this kind"))
        #expect(lines.all[10] == "another")
    }

    @Test("goes on when the time is over")
    func nextWindow() {
        let log = makeLog()
        for _ in 0..<25 { log.report("a", "failure", every: .zero) }
        #expect(lines.all.count == 25)
    }

    @Test("has another server once a minute")
    func serverChange() {
        let log = makeLog()
        for _ in 0..<3 { log.reportServerChange("another server") }
        #expect(lines.all.count == 1)
        #expect(lines.all[0].hasPrefix("another server"))
    }

    @Test("has the beginning of a long message, in whole characters")
    func shortened() {
        let short = "a" + String(repeating: "\u{e9}", count: 1_000)
        #expect(short.shortened == "a" + String(repeating: "\u{e9}", count: 511) + "\u{2026}")
        #expect("text".shortened == "text")
    }
}

private final class RecordedLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
}

private struct RecordingHandler: LogHandler {
    let lines: RecordedLines
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.append("\(event.message)") }
}
