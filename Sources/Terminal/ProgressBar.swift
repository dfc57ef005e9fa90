#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The progress of long work, drawn as a line on the standard error.
///
///     var bar = ProgressBar("Dumping", total: 1_000)
///     defer { bar.finish() }
///     bar.update(to: 450)     // Dumping [########          ]  45 % 450/1000
///
/// Nothing is written if the standard error is not a terminal. An update costs a look at the clock; a drawing, at most
/// ten times a second, one system call.
public struct ProgressBar {
    private static let interval = Duration.milliseconds(100)

    private let label: String
    private let total: UInt64
    private let terminal: Int32?
    private var done: UInt64 = 0
    private var drawnAt: ContinuousClock.Instant?
    private var drawnWidth = 0

    public init(_ label: String, total: UInt64) {
        self.init(label, total: total, on: STDERR_FILENO)
    }

    init(_ label: String, total: UInt64, on file: Int32) {
        self.label = String(
            decoding: TerminalText.escaped(Array(label.utf8)), as: UTF8.self)
        self.total = total
        terminal = isatty(file) != 0 ? file : nil
    }

    /// - Parameter done: how much of the total is done; more than the total is shown as all of it.
    public mutating func update(to done: UInt64) {
        guard terminal != nil else { return }
        self.done = done
        let now = ContinuousClock.now
        if let drawnAt, now - drawnAt < Self.interval { return }
        drawnAt = now
        draw()
    }

    /// Clears the line, so that further output begins at its left edge. Idempotent.
    public mutating func finish() {
        guard let terminal, drawnWidth > 0 else { return }
        let blank = String(repeating: " ", count: drawnWidth)
        TerminalStreams.write(Array("\r\(blank)\r".utf8), to: terminal)
        drawnWidth = 0
    }

    private mutating func draw() {
        guard let terminal else { return }
        let line = Self.line(
            label, done: done, total: total, width: TerminalWidth.of(terminal))
        // Blanks overwrite the rest of a longer line, since some terminals lack the code that clears it.
        let rest = max(0, drawnWidth - line.count)
        let text = "\r" + line + String(repeating: " ", count: rest)
        TerminalStreams.write(Array(text.utf8), to: terminal)
        drawnWidth = line.count
    }

    /// Formats one line that is narrower than the terminal: a character in the last column would wrap it.
    ///
    /// If there is not enough room, the bar is left out, then the label is shortened.
    static func line(_ label: String, done: UInt64, total: UInt64, width: Int) -> String {
        let room = max(0, width - 1)
        let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
        // Rounded down, so that 100 % means all.
        let percent = String(Int(share * 100))
        let padding = String(repeating: " ", count: 3 - percent.count)
        let figures = "\(padding)\(percent) % \(done)/\(total)"
        guard figures.count < room else { return String(figures.prefix(room)) }
        let name = label.prefix(room - figures.count - 1)
        let barRoom = min(50, room - name.count - figures.count - 4)
        guard barRoom >= 10 else { return "\(name) \(figures)" }
        let filled = String(repeating: "#", count: Int(share * Double(barRoom)))
        let empty = String(repeating: " ", count: barRoom - filled.count)
        return "\(name) [\(filled)\(empty)] \(figures)"
    }
}
