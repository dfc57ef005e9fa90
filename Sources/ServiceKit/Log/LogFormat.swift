#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// How the lines of a log look.
public enum LogFormat: String, CaseIterable, Sendable {
    /// `immudb 2026/11/22 20:54:52 INFO: message`, in local time, as the original has it.
    case text
    /// One object a line, with the message's fields: `{"time":"2026-11-22T19:54:52.031207Z","level":"info",…}`.
    case json
}

/// Puts lines together, on the thread that writes them.
struct LineFormatter {
    let format: LogFormat
    /// The first word of a line of text.
    let program: String
    /// The second of the last line.
    private var clock: (second: time_t, text: String) = (-1, "")

    init(_ format: LogFormat, program: String) {
        self.format = format
        self.program = program
    }

    /// The line with its end.
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
