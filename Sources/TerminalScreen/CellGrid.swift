/// Rows of cells, with the size of a terminal.
public struct CellGrid: Equatable, Sendable {
    /// Larger terminals are used up to this size: a screen takes 32 bytes per cell, so up to 10 MB.
    static let maxSide = 600

    public let width: Int
    public let height: Int
    public let charset: Charset
    private var cells: [Cell]

    public init(width: Int, height: Int, charset: Charset) {
        self.width = min(max(0, width), Self.maxSide)
        self.height = min(max(0, height), Self.maxSide)
        self.charset = charset
        cells = Array(repeating: .blank, count: self.width * self.height)
    }

    public var bounds: CellRect { CellRect(column: 0, row: 0, width: width, height: height) }

    /// Cells outside of the grid are blank; setting them has no effect.
    public subscript(column: Int, row: Int) -> Cell {
        get { isInside(column, row) ? cells[row * width + column] : .blank }
        set { if isInside(column, row) { cells[row * width + column] = newValue } }
    }

    public func row(_ row: Int) -> ArraySlice<Cell> { cells[row * width..<(row + 1) * width] }

    /// The characters of each row, without the blanks at its end.
    public var lines: [String] {
        (0..<height).map { number in
            var line = String(row(number).map(\.character))
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Writes a text from a position to the right, cut to `maxWidth` cells. Control characters, and characters that
    /// do not take exactly one cell, become `?`.
    public mutating func put(
        _ text: String, column: Int, row: Int, _ style: CellStyle = .plain, maxWidth: Int = .max
    ) {
        guard maxWidth > 0 else { return }
        for (offset, character) in text.prefix(min(maxWidth, width)).enumerated() {
            self[column + offset, row] = Cell(charset.shown(character), style)
        }
    }

    private func isInside(_ column: Int, _ row: Int) -> Bool {
        column >= 0 && column < width && row >= 0 && row < height
    }
}

/// A part of a grid.
public struct CellRect: Equatable, Sendable {
    public var column: Int
    public var row: Int
    public var width: Int
    public var height: Int

    public init(column: Int, row: Int, width: Int, height: Int) {
        self.column = column
        self.row = row
        self.width = max(0, width)
        self.height = max(0, height)
    }

    /// The part inside a frame around it.
    public var inner: CellRect {
        CellRect(column: column + 1, row: row + 1, width: width - 2, height: height - 2)
    }
}

extension CellGrid {
    /// Draws a frame with a title in its upper edge and a caption in its lower one. Both are cut if they are too
    /// long.
    public mutating func putFrame(_ rect: CellRect, title: String, caption: String = "") {
        guard rect.width >= 2, rect.height >= 2 else { return }
        let isASCII = charset == .ascii
        let (flat, upright): (Character, Character) = isASCII ? ("-", "|") : ("─", "│")
        let corners: [Character] = isASCII ? ["+", "+", "+", "+"] : ["┌", "┐", "└", "┘"]
        let (right, bottom) = (rect.column + rect.width - 1, rect.row + rect.height - 1)
        for column in rect.column...right {
            self[column, rect.row] = Cell(flat, .muted)
            self[column, bottom] = Cell(flat, .muted)
        }
        for row in rect.row...bottom {
            self[rect.column, row] = Cell(upright, .muted)
            self[right, row] = Cell(upright, .muted)
        }
        self[rect.column, rect.row] = Cell(corners[0], .muted)
        self[right, rect.row] = Cell(corners[1], .muted)
        self[rect.column, bottom] = Cell(corners[2], .muted)
        self[right, bottom] = Cell(corners[3], .muted)
        put(title, column: rect.column + 1, row: rect.row, .title, maxWidth: rect.width - 2)
        put(caption, column: rect.column + 1, row: bottom, .muted, maxWidth: rect.width - 2)
    }
}
