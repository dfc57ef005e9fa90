import TestTools
import Testing

@testable import TerminalScreen

@Suite("A screen in memory")
struct CellGridTests {
    @Test("shows text where it was put, cut at its width and at the edges")
    func text() {
        var grid = CellGrid(width: 6, height: 2, charset: .ascii)
        grid.put("hello", column: 3, row: 0)
        grid.put("hello", column: 0, row: 1, maxWidth: 2)
        grid.put("above", column: 0, row: -1)
        grid.put("below", column: 0, row: 2)
        grid.put("left", column: -2, row: 1)
        #expect(grid.lines == ["   hel", "ft"])
    }

    @Test(
        "shows a question mark for what a terminal would obey, or what is not one cell wide",
        arguments: [
            ("a\u{1b}[2J\u{7}", "a?[2J?", "a?[2J?"), ("\u{9b}\u{85}", "??", "??"),
            ("漢字 é µ", "?? é µ", "?? ? u"), ("e\u{301}\u{200b}\u{202e}", "???", "???"),
            ("\r\n\t\0\u{7f}\u{ad}", "?????", "?????"), ("👩‍👧…─", "?…─", "???"),
        ])
    func sanitized(given: String, unicode: String, ascii: String) {
        for (charset, expected) in [
            (Charset.braille, unicode), (.blocks, unicode), (.ascii, ascii),
        ] {
            var grid = CellGrid(width: 20, height: 1, charset: charset)
            grid.put(given, column: 0, row: 0)
            #expect(grid.lines == [expected])
        }
    }

    @Test("draws a frame with title and caption, cut to its width")
    func frame() {
        var grid = CellGrid(width: 12, height: 3, charset: .braille)
        grid.putFrame(grid.bounds, title: " a title that is long ", caption: " low ")
        #expect(grid.lines == ["┌ a title t┐", "│          │", "└ low ─────┘"])
        #expect(grid[1, 0].style == .title)
    }

    @Test("takes any size and any place")
    func sizes() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<2_000 {
            var grid = CellGrid(
                width: random.next(below: 12) - 2, height: random.next(below: 12) - 2,
                charset: Charset.allCases[random.next(below: 3)])
            func number() -> Int { random.next(below: 24) - 6 }
            grid.putFrame(
                CellRect(column: number(), row: number(), width: number(), height: number()),
                title: "title", caption: "caption")
            var canvas = DotCanvas(columns: number(), rows: number(), charset: grid.charset)
            canvas.line(from: (number(), number()), to: (number(), number()), .first)
            canvas.draw(on: &grid, column: number(), row: number())
            #expect(grid.lines.count == grid.height)
            #expect(grid.lines.allSatisfy { $0.count <= grid.width })
        }
        #expect(CellGrid(width: .max, height: .min, charset: .ascii).height == 0)
        #expect(CellGrid(width: 100_000, height: 1, charset: .ascii).width == 600)
    }
}

@Suite("Dots on a screen")
struct DotCanvasTests {
    private func drawn(_ canvas: DotCanvas, _ columns: Int, _ rows: Int, _ charset: Charset)
        -> [String]
    {
        var grid = CellGrid(width: columns, height: rows, charset: charset)
        canvas.draw(on: &grid, column: 0, row: 0)
        return grid.lines
    }

    @Test("are eight a cell in braille")
    func braille() {
        var canvas = DotCanvas(columns: 2, rows: 1, charset: .braille)
        #expect(canvas.width == 4 && canvas.height == 4)
        canvas.set(0, 0, .first)
        canvas.set(1, 3, .first)
        canvas.set(3, 1, .first)
        #expect(drawn(canvas, 2, 1, .braille) == ["\u{2881}\u{2810}"])
    }

    @Test("are two a cell without it", arguments: [(Charset.blocks, "▀▄█"), (.ascii, "'.:")])
    func halves(charset: Charset, expected: String) {
        var canvas = DotCanvas(columns: 3, rows: 1, charset: charset)
        #expect(canvas.width == 3 && canvas.height == 2)
        for (x, y) in [(0, 0), (1, 1), (2, 0), (2, 1)] { canvas.set(x, y, .first) }
        #expect(drawn(canvas, 3, 1, charset) == [expected])
    }

    @Test("make lines without holes, the same in both directions")
    func lines() {
        var random = SplitMix64(seed: 2)
        for _ in 0..<500 {
            let start = (x: random.next(below: 20), y: random.next(below: 20))
            let end = (x: random.next(below: 20), y: random.next(below: 20))
            func lines(_ start: (x: Int, y: Int), _ end: (x: Int, y: Int)) -> [String] {
                var canvas = DotCanvas(columns: 20, rows: 10, charset: .ascii)
                canvas.line(from: start, to: end, .first)
                return drawn(canvas, 20, 10, .ascii)
            }
            let shown = lines(start, end)
            #expect(shown == lines(end, start))
            // Each column between them has a dot.
            let columns = Set(
                shown.flatMap { line in
                    line.enumerated().filter { $0.element != " " }.map(\.offset)
                })
            #expect(columns == Set(min(start.x, end.x)...max(start.x, end.x)))
        }
    }
}
