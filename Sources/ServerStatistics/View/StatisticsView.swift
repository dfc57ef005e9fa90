public import TerminalScreen

/// The layout of the screen of `immuadmin stats`: turns statistics and a size into cells, independently of a
/// terminal.
public struct StatisticsView {
    /// The width below which the screen says that the terminal is too small.
    static let minWidth = 40
    static let minHeight = 12
    /// The minimum height for a row of memory plots.
    private static let minHeightOfThreeRows = 18
    /// The minimum width for plots beside tables.
    private static let minWidthOfTwoColumns = 64
    private static let minWidthOfParts = 100
    /// The number of seconds for which a restart of the server is shown.
    private static let restartNoticeSeconds = 60.0

    let history: StatisticsHistory
    let address: String
    /// Seconds since 1970.
    let now: Double
    /// The time of day of ``now``.
    let timeOfDay: (Double) -> String
    /// The current time by the clock of the history's points.
    let moment: Double

    /// - Parameters:
    ///   - address: the address of the metrics.
    ///   - moment: the current time by the clock of the history's points.
    ///   - now: seconds since 1970.
    ///   - timeOfDay: formats seconds since 1970 as `HH:MM:SS`.
    public init(
        of history: StatisticsHistory, address: String, moment: Double, now: Double,
        timeOfDay: @escaping (Double) -> String
    ) {
        self.history = history
        self.address = Quantities.name(address)
        self.moment = moment
        self.now = now
        self.timeOfDay = timeOfDay
    }

    public func grid(width: Int, height: Int, charset: Charset) -> CellGrid {
        var grid = CellGrid(width: width, height: height, charset: charset)
        guard grid.width >= Self.minWidth, grid.height >= Self.minHeight else {
            putSizeNotice(on: &grid)
            return grid
        }
        var body = grid.bounds
        if let notice {
            body.height -= 1
            let text = " \(notice.text)"
            grid.put(
                text + String(repeating: " ", count: max(0, grid.width - text.count)),
                column: 0, row: body.height, notice.style)
        }
        guard let statistics = history.latest else {
            grid.put("no answer yet", column: 1, row: 0, .muted)
            return grid
        }
        if statistics.hasDurations {
            putRowsWithDurations(of: statistics, on: &grid, body)
        } else {
            putRowsWithoutDurations(of: statistics, on: &grid, body)
        }
        return grid
    }

    private func putRowsWithDurations(
        of statistics: ServerStatistics, on grid: inout CellGrid, _ body: CellRect
    ) {
        let hasMemory = body.height >= Self.minHeightOfThreeRows
        let bottomHeight = hasMemory ? max(5, body.height / 4) : 0
        let topHeight = hasMemory ? topHeight(body.height / 4, of: body) : body.height / 2
        let (top, rest) = body.split(atRow: topHeight)
        let (middle, bottom) = rest.split(atRow: rest.height - bottomHeight)
        putTable(
            of: statistics, on: &grid, top, beside: plots(of: statistics).durations)
        putPair(plots(of: statistics).sizes, plots(of: statistics).calls, on: &grid, middle)
        if hasMemory {
            putMemory(of: statistics, on: &grid, bottom)
        }
    }

    private func putRowsWithoutDurations(
        of statistics: ServerStatistics, on grid: inout CellGrid, _ body: CellRect
    ) {
        let (top, rest) = body.split(atRow: topHeight(body.height / 3, of: body))
        putTable(of: statistics, on: &grid, top, beside: plots(of: statistics).memory)
        putPair(plots(of: statistics).sizes, plots(of: statistics).calls, on: &grid, rest)
    }

    /// Returns a height that fits the required rows of the table, if the screen is large enough.
    private func topHeight(_ share: Int, of body: CellRect) -> Int {
        if body.height >= 40 { return max(share, StatisticsTable.maxRowCount + 2) }
        return body.height >= Self.minHeightOfThreeRows ? max(share, 9) : body.height / 2
    }

    private func plots(of statistics: ServerStatistics) -> StatisticsPlots {
        StatisticsPlots(statistics, history.points, moment: moment)
    }

    private func putTable(
        of statistics: ServerStatistics, on grid: inout CellGrid, _ rect: CellRect,
        beside plot: Plot
    ) {
        let table = StatisticsTable(
            statistics, growth: history.silence == nil ? history.points.last?.growth : nil,
            time: history.latestTime.map(timeOfDay) ?? "", now: now)
        guard rect.width >= Self.minWidthOfTwoColumns else {
            table.put(on: &grid, rect)
            return
        }
        let (left, right) = rect.split(atColumn: rect.width * 2 / 5)
        table.put(on: &grid, left)
        plot.put(on: &grid, right)
    }

    private func putPair(_ left: Plot, _ right: Plot, on grid: inout CellGrid, _ rect: CellRect) {
        let (first, second) = rect.split(atColumn: rect.width / 2)
        left.put(on: &grid, first)
        right.put(on: &grid, second)
    }

    private func putMemory(
        of statistics: ServerStatistics, on grid: inout CellGrid, _ rect: CellRect
    ) {
        let plot = plots(of: statistics).memory
        guard rect.width >= Self.minWidthOfParts else {
            plot.put(on: &grid, rect)
            return
        }
        let (left, right) = rect.split(atColumn: rect.width * 3 / 5)
        plot.put(on: &grid, left)
        PartsTable(statistics).put(on: &grid, right)
    }

    /// The line at the bottom, if there is a message.
    private var notice: (text: String, style: CellStyle)? {
        if let silence = history.silence {
            return (
                "No answer since \(timeOfDay(silence.since)), trying again: "
                    + Quantities.name(silence.reason), .failure
            )
        }
        if let restart = history.restartTime, now - restart < Self.restartNoticeSeconds {
            return (
                "The server has restarted, seen at \(timeOfDay(restart)): its counters began again",
                .warning
            )
        }
        return nil
    }

    private func putSizeNotice(on grid: inout CellGrid) {
        let lines = [
            "The terminal is too small:", "it has \(grid.width) x \(grid.height),",
            "needed are \(Self.minWidth) x \(Self.minHeight).", "Exit: q",
        ]
        for (row, line) in lines.enumerated() { grid.put(line, column: 0, row: row, .warning) }
    }
}

extension CellRect {
    fileprivate func split(atRow height: Int) -> (upper: CellRect, lower: CellRect) {
        let height = min(max(0, height), self.height)
        return (
            CellRect(column: column, row: row, width: width, height: height),
            CellRect(column: column, row: row + height, width: width, height: self.height - height)
        )
    }

    fileprivate func split(atColumn width: Int) -> (left: CellRect, right: CellRect) {
        let width = min(max(0, width), self.width)
        return (
            CellRect(column: column, row: row, width: width, height: height),
            CellRect(column: column + width, row: row, width: self.width - width, height: height)
        )
    }
}
