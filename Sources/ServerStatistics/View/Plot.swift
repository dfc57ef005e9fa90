import TerminalScreen

/// A plot of lines over time in a frame, with the newest values at the right edge.
struct Plot {
    /// The time from one dot to the next.
    static let secondsPerDot = 3.0
    /// Values that are further apart are not connected.
    private static let maxGapSeconds = 2.5 * secondsPerDot

    struct Line {
        let name: String
        let style: CellStyle
        /// The values in the order of time.
        let values: [(time: Double, value: Double?)]
    }

    let title: String
    /// Replaces a title that does not fit.
    let shortTitle: String
    let lines: [Line]
    /// The time at the right edge.
    let moment: Double
    let scale: PlotScale

    func put(on grid: inout CellGrid, _ rect: CellRect) {
        let inner = rect.inner
        let hasLegend = inner.height >= 4
        let gutter = inner.width >= 28 ? scale.labelWidth + 1 : 0
        let rows = inner.height - (hasLegend ? 1 : 0)
        var canvas = DotCanvas(columns: inner.width - gutter, rows: rows, charset: grid.charset)
        let span = Quantities.duration(
            wholeSeconds: Double(max(0, canvas.width - 1)) * Self.secondsPerDot)
        grid.putFrame(
            rect, title: title.count <= inner.width ? title : shortTitle,
            caption: " the last \(span) ")
        guard canvas.width > 0, canvas.height > 0 else { return }
        let oldest = moment - Double(canvas.width) * Self.secondsPerDot
        let top = scale.top(
            above: lines.flatMap(\.values).lazy.filter { $0.time >= oldest }.compactMap(\.value)
                .max() ?? 0)
        for line in lines { draw(line, on: &canvas, top: top) }
        let first = inner.row + (hasLegend ? 1 : 0)
        canvas.draw(on: &grid, column: inner.column + gutter, row: first)
        if hasLegend { putLegend(on: &grid, inner) }
        if gutter > 0 {
            putLabels(on: &grid, column: inner.column, row: first, rows: rows, top: top)
        }
    }

    private func draw(_ line: Line, on canvas: inout DotCanvas, top: Double) {
        var last: (x: Int, y: Int, time: Double)?
        for (time, value) in line.values {
            guard let value, value.isFinite else {
                last = nil
                continue
            }
            let age = ((moment - time) / Self.secondsPerDot).rounded()
            guard age >= 0, age <= Double(canvas.width) else { continue }
            let x = canvas.width - 1 - Int(age)
            let height = min(max(0, value / top), 1) * Double(canvas.height - 1)
            let y = canvas.height - 1 - Int(height.rounded())
            if let last, time - last.time <= Self.maxGapSeconds {
                canvas.line(from: (last.x, last.y), to: (x, y), line.style)
            } else {
                canvas.set(x, y, line.style)
            }
            last = (x, y, time)
        }
    }

    /// Puts the names and newest values of the lines, each in its style.
    private func putLegend(on grid: inout CellGrid, _ inner: CellRect) {
        var column = inner.column + 1
        let end = inner.column + inner.width
        for line in lines {
            let value = line.values.last.flatMap(\.value).map(scale.show) ?? "-"
            let text = "\(value) \(line.name)"
            guard column + text.count <= end else { return }
            grid.put(text, column: column, row: inner.row, line.style)
            column += text.count + 2
        }
    }

    private func putLabels(
        on grid: inout CellGrid, column: Int, row: Int, rows: Int, top: Double
    ) {
        func put(_ value: Double, _ row: Int) {
            let text = scale.show(value)
            grid.put(
                text, column: column + max(0, scale.labelWidth - text.count), row: row, .muted,
                maxWidth: scale.labelWidth)
        }
        put(top, row)
        if rows >= 5, rows % 2 == 1 { put(top / 2, row + rows / 2) }
        if rows >= 2 { put(0, row + rows - 1) }
    }
}

/// The unit of a plot's vertical axis.
enum PlotScale {
    case bytes
    /// Microseconds, or calls per second.
    case number

    var labelWidth: Int { self == .bytes ? 9 : 5 }

    func show(_ value: Double) -> String {
        self == .bytes ? Quantities.size(value) : Quantities.short(value)
    }

    /// Returns the value at the upper edge: a round number that is not below any shown value.
    func top(above value: Double) -> Double {
        guard value.isFinite, value > 0 else { return 1 }
        let base = self == .bytes ? 1_024.0 : 10
        let steps: [Double] =
            self == .bytes
            ? [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768]
            : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]
        var unit = 1.0
        while value < unit, unit > 1e-6, self == .number { unit /= base }
        while value > unit * base, unit < 1e300 { unit *= base }
        return (steps.first { $0 * unit >= value } ?? base) * unit
    }
}
