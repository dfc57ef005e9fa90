import ImmudbStore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// One line of the log: what its caller gives. Its text is put together where it is written, which
/// is on another thread.
struct LogLine: Sendable {
    /// A longer message is cut.
    static let maxByteCount = 64 << 10

    let time: time_t
    let level: LogLevel
    let message: String

    init(_ level: LogLevel, _ message: String) {
        time = Self.now()
        self.level = level
        self.message = message.utf8.count <= Self.maxByteCount ? message : Self.cut(message)
    }

    /// `2026/11/22 20:54:52 INFO: message`, without control characters.
    var text: String { text(at: Self.local(time)) }

    /// - Parameter time: as `local` says it; many lines are of one second.
    func text(at time: String) -> String {
        "\(time) \(level.name): \(Self.escaped(message))"
    }

    private static func now() -> time_t {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now.tv_sec
    }

    private static func cut(_ message: String) -> String {
        String(decoding: message.utf8.prefix(maxByteCount), as: UTF8.self) + "…"
    }

    /// `2026/11/22 20:54:52`
    static func local(_ time: time_t) -> String {
        var time = time
        var parts = tm()
        localtime_r(&time, &parts)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let date = [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map(padded)
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map(padded)
        return date.joined(separator: "/") + " " + clock.joined(separator: ":")
    }

    private static func escaped(_ message: String) -> String {
        func isControl(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.generalCategory == .control
        }
        guard message.unicodeScalars.contains(where: isControl) else { return message }
        var escaped = ""
        for scalar in message.unicodeScalars {
            if isControl(scalar) {
                escaped += scalar.escaped(asASCII: true)
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
