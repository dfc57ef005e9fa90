import TerminalScreen

/// The table of the screen: the original's lines, and the state of the server.
struct StatisticsTable {
    static let maxRowCount = 13
    private static let title = " Exit: q, Esc or Ctrl-C "

    private let rows: [TableRow]

    /// - Parameters:
    ///   - growth: nil while it is unknown.
    ///   - time: the time of day of the statistics.
    ///   - now: seconds since 1970.
    init(
        _ statistics: ServerStatistics, growth: StatisticsHistory.Growth?, time: String, now: Double
    ) {
        let entryRate = growth.map { " (+\(Quantities.short($0.entriesPerSecond))/s)" } ?? ""
        let seconds = Double(statistics.uptimeNanoseconds / 1_000_000_000)
        var rows = [
            TableRow("ImmuDB stats", " at \(time)", weight: 0, labelStyle: .title),
            TableRow(
                "Database", Quantities.name(statistics.databasePath), weight: 3, keepsEnd: true),
            TableRow("Uptime", Quantities.duration(wholeSeconds: seconds), weight: 1),
            TableRow(
                "Entries", "\(statistics.entryCount)\(entryRate)", weight: 1,
                shortValue: "\(statistics.entryCount)"),
            TableRow("No. clients", "\(statistics.clients.count)", weight: 2),
            TableRow(
                "  active < 1h ago", "\(statistics.activeClientCount(at: now))", weight: 4),
        ]
        if let health = statistics.health {
            rows.append(
                TableRow(
                    "Health", health == .whole ? "ok" : health.text, weight: 0,
                    health == .whole ? .good : .failure))
        }
        if let count = statistics.waitingWriteCount {
            rows.append(TableRow("Waiting writes", "\(count)", weight: 3))
        }
        if !statistics.waitingCalls.isEmpty {
            let count = statistics.waitingCalls.map(\.count).reduce(0, ServerStatistics.sumOrMax)
            rows.append(TableRow("Waiting calls", "\(count)", weight: 4))
        }
        if let average = statistics.synchronizations?.average {
            rows.append(TableRow("fdatasync", "\(Quantities.whole(average * 1e6)) µs", weight: 3))
        }
        if let average = statistics.groups?.average {
            rows.append(
                TableRow("Entries / commit", Quantities.short(average), weight: 5))
        }
        let refused = statistics.refusedCallCount
        let isRefusing = (growth?.refusedPerSecond ?? 0) > 0
        rows.append(
            TableRow(
                "Refused calls", "\(refused)", weight: isRefusing ? 0 : 4,
                isRefusing ? .warning : .plain))
        if let count = statistics.connectionCount {
            rows.append(TableRow("Connections", "\(count)", weight: 5))
        }
        self.rows = rows
    }

    func put(on grid: inout CellGrid, _ rect: CellRect) {
        grid.putFrame(rect, title: Self.title)
        var shown = rows
        while shown.count > max(0, rect.inner.height) {
            // Leave out the last of the least important rows.
            let weight = shown.map(\.weight).max()
            guard let least = shown.lastIndex(where: { $0.weight == weight }) else { break }
            shown.remove(at: least)
        }
        for (offset, row) in shown.enumerated() {
            row.put(
                on: &grid, column: rect.inner.column + 1, row: rect.inner.row + offset,
                width: rect.inner.width - 1, labelWidth: rect.width >= 40 ? 18 : 15)
        }
    }
}

/// A row of a table: a name and a value.
struct TableRow {
    let label: String
    let value: String
    /// Replaces a value that does not fit.
    let shortValue: String
    /// If not all rows fit, those with the largest weight are left out first.
    let weight: Int
    let labelStyle: CellStyle
    let valueStyle: CellStyle
    /// Whether a value that is too long is cut at its beginning, as for a path, instead of its end.
    let keepsEnd: Bool

    init(
        _ label: String, _ value: String, weight: Int = 0, _ valueStyle: CellStyle = .plain,
        labelStyle: CellStyle = .muted, keepsEnd: Bool = false, shortValue: String? = nil
    ) {
        self.label = label
        self.value = value
        self.shortValue = shortValue ?? value
        self.weight = weight
        self.labelStyle = labelStyle
        self.valueStyle = valueStyle
        self.keepsEnd = keepsEnd
    }

    func put(on grid: inout CellGrid, column: Int, row: Int, width: Int, labelWidth: Int) {
        grid.put(label, column: column, row: row, labelStyle, maxWidth: width)
        // A longer label moves its value.
        let start = max(labelWidth, label.count + 1)
        let room = width - start
        guard room > 0 else { return }
        let text = (value.count > room ? shortValue : value).shortened(
            to: room, keepingEnd: keepsEnd, grid.charset)
        grid.put(text, column: column + start, row: row, valueStyle, maxWidth: room)
    }
}

extension String {
    /// Returns the text if it has at most `count` characters, otherwise a part of it with dots for
    /// the rest.
    func shortened(to count: Int, keepingEnd: Bool, _ charset: Charset) -> String {
        guard self.count > count else { return self }
        let dots = charset == .ascii ? ".." : "…"
        let kept = max(0, count - dots.count)
        return keepingEnd ? dots + suffix(kept) : prefix(kept) + dots
    }
}
