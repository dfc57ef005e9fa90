/// Dots on a part of a screen: 2 × 4 per cell with braille, otherwise 1 × 2. Row 0 is at the top.
public struct DotCanvas: Sendable {
    /// The bits of the dots of a braille cell, row by row (Unicode, block U+2800).
    private static let brailleBits: [UInt32] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]

    public let width: Int
    public let height: Int
    private let columns: Int
    private let rows: Int
    private let charset: Charset
    private let dotsAcross: Int
    private let dotsDown: Int
    /// The set dots of each cell, as bits; and the style of the last one.
    private var dots: [UInt32]
    private var styles: [CellStyle]

    public static func dotsAcross(_ charset: Charset) -> Int { charset == .braille ? 2 : 1 }

    /// - Parameters:
    ///   - columns: in cells.
    ///   - rows: in cells.
    public init(columns: Int, rows: Int, charset: Charset) {
        self.columns = max(0, columns)
        self.rows = max(0, rows)
        self.charset = charset
        dotsAcross = Self.dotsAcross(charset)
        dotsDown = charset == .braille ? 4 : 2
        width = self.columns * dotsAcross
        height = self.rows * dotsDown
        dots = Array(repeating: 0, count: self.columns * self.rows)
        styles = Array(repeating: .plain, count: self.columns * self.rows)
    }

    /// Sets a dot. Does nothing outside of the canvas.
    public mutating func set(_ x: Int, _ y: Int, _ style: CellStyle) {
        guard x >= 0, x < width, y >= 0, y < height else { return }
        let cell = y / dotsDown * columns + x / dotsAcross
        dots[cell] |= 1 << UInt32(y % dotsDown * dotsAcross + x % dotsAcross)
        styles[cell] = style
    }

    /// Sets the dots of a line between two dots on or beside the canvas.
    public mutating func line(
        from start: (x: Int, y: Int), to end: (x: Int, y: Int), _ style: CellStyle
    ) {
        // Both directions set the same dots.
        let (start, end) = (start.x, start.y) <= (end.x, end.y) ? (start, end) : (end, start)
        let steps = max(abs(end.x - start.x), abs(end.y - start.y))
        guard steps > 0 else { return set(start.x, start.y, style) }
        guard steps <= 4 * (width + height) else { return }
        for step in 0...steps {
            func place(_ from: Int, _ to: Int) -> Int {
                // Rounded to the nearer dot.
                from + ((to - from) * step * 2 + (to >= from ? steps : -steps)) / (2 * steps)
            }
            set(place(start.x, end.x), place(start.y, end.y), style)
        }
    }

    /// Puts the cells with dots on a grid.
    public func draw(on grid: inout CellGrid, column: Int, row: Int) {
        for cell in dots.indices where dots[cell] != 0 {
            grid[column + cell % columns, row + cell / columns] = Cell(
                character(of: dots[cell]), styles[cell])
        }
    }

    private func character(of dots: UInt32) -> Character {
        switch charset {
        case .braille:
            let bits = Self.brailleBits.indices.reduce(UInt32(0)) { bits, dot in
                dots & (1 << UInt32(dot)) == 0 ? bits : bits | Self.brailleBits[dot]
            }
            return Unicode.Scalar(0x2800 + bits).map(Character.init) ?? "?"
        case .blocks: return ["▀", "▄", "█"][Int(dots) - 1]
        case .ascii: return ["'", ".", ":"][Int(dots) - 1]
        }
    }
}
