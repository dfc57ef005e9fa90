import POSIX
import StorageIO

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// One line of the log, as its caller gives it. The thread that writes it formats its text.
struct LogLine: Sendable {
    struct Field: Sendable {
        let name: String
        let value: String
    }

    /// A longer message is cut.
    static let maxByteCount = 64 << 10
    /// A longer value of a field is cut, too; fields beyond a number are left out.
    static let maxFieldByteCount = 4 << 10
    static let maxFieldCount = 16

    let time: LogTime
    let level: LogLevel
    let message: String
    /// The fields of the message, for programs that read the log. Only the format `json` shows
    /// them.
    let fields: [Field]

    init(_ level: LogLevel, _ message: String, fields: [Field] = []) {
        time = .now()
        self.level = level
        self.message = Self.cut(message, Self.maxByteCount)
        self.fields = fields.prefix(Self.maxFieldCount).map {
            Field(
                name: Self.cut($0.name, Self.maxFieldByteCount),
                value: Self.cut($0.value, Self.maxFieldByteCount))
        }
    }

    /// The approximate size in memory.
    var byteCount: Int {
        fields.reduce(message.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 }
    }

    /// `2026/11/22 20:54:52 INFO: message`, without characters that are unsafe in a line.
    var text: String { text(at: time.local) }

    /// - Parameter time: the text of `LogTime.local`, which many lines share.
    func text(at time: String) -> String {
        "\(time) \(level.name): \(message.escapedForLine)"
    }

    /// `{"time":"2026-11-22T19:54:52.031207Z","level":"info","message":"…"}`, followed by the fields.
    var json: String { json(at: time.universal) }

    /// - Parameter time: the text of `LogTime.universal`.
    func json(at time: String) -> String {
        var members = [
            ("time", "\"\(time)\(self.time.fraction)Z\""),
            ("level", "\"\(level.name.lowercased())\""),
            ("message", JSONLine.string(message)),
        ]
        // Each name occurs once in an object.
        var names = Set(members.map(\.0))
        for field in fields {
            var name = field.name
            while !names.insert(name).inserted { name += "_" }
            members.append((name, JSONLine.string(field.value)))
        }
        return JSONLine.object(members)
    }

    private static func cut(_ text: String, _ limit: Int) -> String {
        text.utf8.count <= limit
            ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}

/// The time when a line was logged.
struct LogTime: Sendable {
    let second: time_t
    let microsecond: Int

    static func now() -> LogTime {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return LogTime(second: now.tv_sec, microsecond: Int(now.tv_nsec) / 1_000)
    }

    /// `2026/11/22 20:54:52`, in the time zone of the process.
    var local: String {
        var (second, parts) = (second, tm())
        localtime_r(&second, &parts)
        return Self.date(parts, "/") + " " + Self.clock(parts)
    }

    /// `2026-11-22T19:54:52`, in UTC.
    var universal: String {
        var (second, parts) = (second, tm())
        gmtime_r(&second, &parts)
        return Self.date(parts, "-") + "T" + Self.clock(parts)
    }

    /// `.031207`
    var fraction: String { "." + Self.padded(microsecond, to: 6) }

    private static func date(_ parts: tm, _ separator: String) -> String {
        [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map { padded(Int($0), to: 2) }
            .joined(separator: separator)
    }

    private static func clock(_ parts: tm) -> String {
        [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), to: 2) }
            .joined(separator: ":")
    }

    private static func padded(_ number: Int, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
