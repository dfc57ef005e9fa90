import ArgumentParser
import ClientKit
import Foundation
import ImmudbClient
import ProgramKit
import Terminal

struct AuditLogCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "audit-log", abstract: "Print what was done as an administrator, and what was tried.",
        discussion: """
            A line for each act: when, what, to whom, by whom, from where, and how it ended. They are entries of \
            the server's own database, which are never changed. Times are 2026-11-28T16:00:00Z, \
            2026-11-28 (midnight, UTC), or so long ago: 90s, 15m, 24h, 7d.
            """)

    @Option(help: ArgumentHelp("Not before that time.", valueName: "time"))
    var since: AuditTime?

    @Option(help: ArgumentHelp("Not after that time.", valueName: "time"))
    var until: AuditTime?

    @Option(help: ArgumentHelp("By this user, or done to this user.", valueName: "user"))
    var about: String?

    @Option(help: ArgumentHelp("Of this kind, such as create-user.", valueName: "action"))
    var action: String?

    @Option(help: ArgumentHelp("So many lines at most.", valueName: "count"))
    var limit: Int?

    @Flag(help: "The newest first.")
    var newestFirst = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): give 1 or more") }
    }

    func run(in context: AdminContext) async throws {
        let now = Date()
        var query = AuditQuery()
        query.since = since?.date(before: now)
        query.until = until?.date(before: now)
        query.user = about
        query.action = action
        query.limit = limit
        query.newestFirst = newestFirst
        let asked = query
        try await context.withAdministrator { client in
            var left = limit ?? .max
            for try await act in try await client.auditLog(asked) {
                // Also of a server that knows no limit.
                guard left > 0 else { break }
                left -= 1
                try context.output.write(AuditReport(act))
            }
        }
    }
}

/// A time of the audit log, as it is typed.
enum AuditTime: ExpressibleByArgument {
    case date(Date)
    case secondsAgo(Double)

    init?(argument: String) {
        if let date = Self.date(argument) {
            self = .date(date)
        } else if let seconds = Self.seconds(argument) {
            self = .secondsAgo(seconds)
        } else {
            return nil
        }
    }

    func date(before now: Date) -> Date {
        switch self {
        case .date(let date): date
        case .secondsAgo(let seconds): now.addingTimeInterval(-seconds)
        }
    }

    private static func date(_ text: String) -> Date? {
        (try? Date(text, strategy: .iso8601))
            ?? (try? Date(text + "T00:00:00Z", strategy: .iso8601))
    }

    private static func seconds(_ text: String) -> Double? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let number = UInt32(text.dropLast())
        else { return nil }
        return Double(number) * unit
    }
}

/// A line of the audit log.
private struct AuditReport: Report {
    private let act: AuditedAct
    private let time: String

    init(_ act: AuditedAct) {
        self.act = act
        time = act.time.formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    func text(_ display: Display) -> [UInt8] {
        var words = [time, act.action]
        if !act.user.isEmpty { words.append(act.user) }
        if !act.by.isEmpty { words.append("by \(act.by)") }
        words.append("from \(act.from): \(act.outcome)")
        if act.omitted > 0 { words.append("(\(act.omitted) refused before it have no line)") }
        // Names in it are other people's. None begins a line of its own, or reads as another, also in a file.
        return TerminalText.escapedLine(words.joined(separator: "  ")) + [UInt8(ascii: "\n")]
    }

    var json: JSONObject {
        [
            "index": .number(act.index), "time": .text(time), "action": .text(act.action),
            "user": .text(act.user), "by": .text(act.by), "from": .text(act.from),
            "outcome": .text(act.outcome), "omitted": .number(act.omitted),
        ]
    }
}
