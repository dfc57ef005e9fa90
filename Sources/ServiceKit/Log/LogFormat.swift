#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The format of a log's lines.
public enum LogFormat: String, CaseIterable, Sendable {
    /// `immudb 2026/11/22 20:54:52 INFO: message`, in local time, as in the original.
    case text
    /// One object per line, with the message's fields: `{"time":"2026-11-22T19:54:52.031207Z","level":"info",…}`.
    case json
}

/// Formats lines, on the thread that writes them.
struct LineFormatter {
    let format: LogFormat
    /// The first word of a line of text.
    let program: String
    /// The second of the last line, and its text.
    private var clock: (second: time_t, text: String) = (-1, "")

    init(_ format: LogFormat, program: String) {
        self.format = format
        self.program = program
    }

    /// Returns the line with its line end.
    mutating func bytes(of line: LogLine) -> [UInt8] {
        if line.time.second != clock.second {
            let time = line.time
            clock = (time.second, format == .text ? time.local : time.universal)
        }
        let text =
            switch format {
            case .text: "\(program) \(line.text(at: clock.text))\n"
            case .json: line.json(at: clock.text) + "\n"
            }
        return Array(text.utf8)
    }
}
