import TerminalScreen

/// A table of the server's bytes, largest first: on the disk by database and part, in memory by part.
struct PartsTable {
    private static let title = " Bytes by part "

    private let rows: [TableRow]

    init(_ statistics: ServerStatistics) {
        var rows: [TableRow] = []
        for database in statistics.storage {
            rows.append(
                TableRow(
                    Quantities.name(database.path) + " (disk)", Quantities.size(database.byteCount),
                    labelStyle: .plain))
            rows += Self.sorted([
                ("ledger (VLog)", database.ledgerByteCount),
                ("key index (LSM)", database.indexByteCount), ("tree", database.treeByteCount),
            ])
        }
        if let used = statistics.usedMemoryByteCount {
            rows.append(TableRow("memory", Quantities.size(used), labelStyle: .plain))
            rows += Self.sorted(
                statistics.memoryParts.map { (Quantities.words($0.name), $0.count) })
        }
        self.rows = rows
    }

    /// Returns a value right-aligned, as for numbers.
    private static func aligned(_ value: String) -> String {
        String(repeating: " ", count: max(0, 9 - value.count)) + value
    }

    private static func sorted(_ parts: [(name: String, size: UInt64)]) -> [TableRow] {
        parts.sorted { $0.size > $1.size }
            .map { TableRow("  " + $0.name, Quantities.size($0.size)) }
    }

    /// Puts the rows in one column, or in two if they do not fit; if they still do not fit, counts the other rows.
    func put(on grid: inout CellGrid, _ rect: CellRect) {
        grid.putFrame(rect, title: Self.title)
        let inner = rect.inner
        guard inner.height > 0 else { return }
        let columnCount = rows.count > inner.height && inner.width >= 56 ? 2 : 1
        let width = inner.width / columnCount
        let room = inner.height * columnCount
        let shown = rows.count > room ? rows.prefix(room - 1) : rows[...]
        let labelWidth = max(0, width - 12)
        for (offset, row) in shown.enumerated() {
            let label = row.label.shortened(
                to: labelWidth - 1, keepingEnd: !row.label.hasPrefix(" "), grid.charset)
            TableRow(label, Self.aligned(row.value), labelStyle: row.labelStyle).put(
                on: &grid, column: inner.column + 1 + offset / inner.height * width,
                row: inner.row + offset % inner.height, width: width - 2, labelWidth: labelWidth)
        }
        if shown.count < rows.count {
            grid.put(
                "and \(rows.count - shown.count) more",
                column: inner.column + 1 + (columnCount - 1) * width,
                row: inner.row + inner.height - 1, .muted, maxWidth: width - 2)
        }
    }
}
