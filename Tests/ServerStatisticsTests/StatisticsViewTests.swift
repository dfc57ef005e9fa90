import TerminalScreen
import TestTools
import Testing

@testable import ServerStatistics

@Suite("The screen of a server's statistics")
struct StatisticsViewTests {
    /// The history of a server that gets calls between looks, with three seconds from one to the
    /// next.
    private func history(looks: Int, _ metrics: SampleMetrics = SampleMetrics()) throws
        -> StatisticsHistory
    {
        var history = StatisticsHistory()
        var metrics = metrics
        for look in 0..<looks {
            let load = UInt64(look % 10)
            metrics.reads += 300 * load
            metrics.readSeconds += 0.06 * Double(load)
            metrics.writes += 30 * load
            metrics.writeSeconds += 0.03 * Double(load)
            metrics.entries += 30 * load
            history.add(
                try metrics.statistics, moment: Double(3 * look),
                now: 1_700_000_100 + Double(3 * look))
        }
        return history
    }

    private func grid(
        _ history: StatisticsHistory, _ width: Int, _ height: Int, _ charset: Charset = .braille,
        lag: Double = 0
    ) -> CellGrid {
        let moment = (history.points.last?.time ?? 0) + lag
        return StatisticsView(
            of: history, address: "127.0.0.1:9497", moment: moment, now: 1_700_000_100 + moment
        ) { seconds in "T+\(Int(seconds) - 1_700_000_100)" }
        .grid(width: width, height: height, charset: charset)
    }

    @Test("shows the original's table, titles and plots, and the server's condition, at 80 × 24")
    func usualSize() throws {
        let grid = try grid(history(looks: 30), 80, 24, .ascii)
        #expect(
            grid.lines
                == """
                + Exit: q, Esc or Ctrl-C ------++ Avg. duration: 200 us read, 1001 us write ---+
                | ImmuDB stats    at T+87      || 200 us read  1000 us write                   |
                | Database       db/immudb     || 1200                                         |
                | Uptime         1m38s         ||                 ''''''''' ''''''''' '''''''''|
                | Entries        4054 (+90/s)  ||                                              |
                | No. clients    2             ||                                              |
                | Health         ok            ||                 ......... ......... .........|
                | Waiting writes 3             ||    0                                         |
                +------------------------------++ the last 1m57s ------------------------------+
                + DB Size: 1.5 MB ---------------------++ 40508 reads / 4054 writes (91% / 9%) +
                | 1.5 MB VLog  2.1 kB LSM  4.0 kB tree || 900 reads/s  90 writes/s             |
                |   2.0 MB                             || 1000            .         .         .|
                |          ............................||               .':       .':       .' |
                |                                      ||             .'  :     .'  :     .'   |
                |                                      ||            .'    :   .'    :   .'    |
                |                                      ||          .'      : .'      : .'      |
                |      0 B ............................||    0    :...'''''::...'''''::...'''''|
                + the last 1m21s ----------------------++ the last 1m33s ----------------------+
                + Memory: 50.0 MB reserved, 8.0 MB in use -------------------------------------+
                | 50.0 MB reserved  8.0 MB in use                                              |
                |  64.0 MB                                       ..............................|
                |                                                                              |
                |      0 B                                       ''''''''''''''''''''''''''''''|
                + the last 3m21s --------------------------------------------------------------+
                """.split(separator: "\n").map(String.init))
    }

    @Test("shows where the bytes are on a large screen, and more of the table")
    func largeSize() throws {
        let lines = try grid(history(looks: 30), 160, 48).lines
        let text = lines.joined(separator: "\n")
        for part in [
            " Exit: q, Esc or Ctrl-C ", "ImmuDB stats       at T+87", "No. clients       2",
            "  active < 1h ago 1", "Health            ok", "Waiting writes    3",
            "fdatasync         1700 µs", "Entries / commit  2", "Refused calls     2",
            "Connections       2", " Bytes by part ", "db/immudb (disk)", "ledger (VLog)",
            "key index (LSM)", "memory", "requests", "answers", " the last ",
            " Memory: 50.0 MB reserved, 8.0 MB in use ",
            " DB Size: 1.5 MB (VLog 1.5 MB, LSM 2.1 kB) ",
        ] {
            #expect(text.contains(part), "\(part)\n\(text)")
        }
        #expect(text.unicodeScalars.contains { (0x2801...0x28ff).contains($0.value) })
    }

    @Test("marks titles, which terminals with colours show in green")
    func titles() throws {
        let grid = try grid(history(looks: 3), 80, 24)
        let title = grid.row(0).filter { $0.style == .title }.map(\.character)
        #expect(String(title).hasPrefix(" Exit: q, Esc or Ctrl-C  Avg. duration: "))
    }

    @Test("shows memory in the place of durations that a server does not measure")
    func withoutDurations() throws {
        var metrics = SampleMetrics()
        metrics.hasHistograms = false
        let text = try grid(history(looks: 3, metrics), 80, 24).lines.joined(separator: "\n")
        #expect(!text.contains("Avg. duration") && text.contains(" Memory: 50.0 MB reserved"))
        #expect(text.contains(" DB Size: ") && text.contains(" reads / "))
    }

    @Test("says that a server takes no writes, also where there is little room")
    func unhealthy() throws {
        var metrics = SampleMetrics()
        metrics.takesWrites = 0
        let grid = try grid(history(looks: 2, metrics), 60, 14)
        let row = try #require(grid.lines.firstIndex { $0.contains("TAKES NO WRITES") })
        #expect(grid.row(row).contains { $0.style == .failure })
    }

    @Test("says since when and why the server does not answer, and keeps its last numbers")
    func silence() throws {
        var history = try history(looks: 5)
        history.addFailure("connection refused", now: 1_700_000_115)
        let grid = grid(history, 80, 24, lag: 6)
        #expect(grid.lines.last == " No answer since T+15, trying again: connection refused")
        #expect(grid.row(23).allSatisfy { $0.style == .failure })
        #expect(grid.lines.joined().contains("at T+12"))
    }

    @Test("says that the server restarted, for a while")
    func restart() throws {
        var history = try history(looks: 2)
        var metrics = SampleMetrics()
        metrics.start += 100
        history.add(try metrics.statistics, moment: 6, now: 1_700_000_106)
        #expect(
            grid(history, 80, 24).lines.last?.hasPrefix(" The server has restarted, seen at T+6")
                == true)
        #expect(grid(history, 80, 24, lag: 61).lines.last?.contains("restarted") == false)
    }

    @Test("says that a terminal is too small, and what it needs")
    func tooSmall() throws {
        let lines = try grid(history(looks: 2), 39, 24).lines
        #expect(lines[0] == "The terminal is too small:" && lines[1] == "it has 39 x 24,")
        #expect(lines[3] == "Exit: q")
        #expect(try grid(history(looks: 2), 40, 12).lines[0].contains("Exit: q"))
    }

    @Test("has cells for any size, any statistics and any time", arguments: 0..<60 as Range<UInt64>)
    func anySize(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var metrics = SampleMetrics()
        metrics.path =
            ["", "漢字/\u{1b}[2J", String(repeating: "long/", count: 60)][random.next(below: 3)]
        metrics.reads = random.next() >> UInt64(1 + random.next(below: 63))
        metrics.readSeconds = Double(random.next(below: 1_000_000))
        metrics.hasHistograms = random.chance(3, of: 4)
        var history = try history(looks: 1 + random.next(below: 40), metrics)
        if random.chance(1, of: 3) { history.addFailure("\u{1b}[31m\nno", now: 1_700_000_000) }
        for charset in Charset.allCases {
            for _ in 0..<10 {
                let (width, height) = (random.next(below: 250), random.next(below: 70))
                let grid = grid(
                    history, width, height, charset, lag: Double(random.next(below: 900)) - 10)
                #expect(grid.width == width && grid.height == height, "seed \(seed)")
                for line in grid.lines {
                    #expect(
                        line.allSatisfy { charset.shown($0) == $0 }, "seed \(seed): \(line)")
                }
            }
        }
    }

    @Test("plots the newest value at the right edge, and nothing where nothing is known")
    func plot() {
        let plot = Plot(
            title: "a title that is too long", shortTitle: "short",
            lines: [
                .init(
                    name: "n", style: .first,
                    values: [(0, 5), (3, 10), (6, nil), (9, 0), (12, 10)].map { ($0.0, $0.1) })
            ], moment: 15, scale: .number)
        var grid = CellGrid(width: 12, height: 5, charset: .ascii)
        plot.put(on: &grid, grid.bounds)
        #expect(
            grid.lines == [
                "+short-----+", "|     :  : |", "|    '  .' |", "|       :  |", "+ the last +",
            ])
    }

    @Test(
        "ends a scale at a round number above all values",
        arguments: [
            (PlotScale.number, 0.0, 1.0), (.number, 0.03, 0.03), (.number, 1, 1),
            (.number, 7, 8), (.number, 99, 100), (.number, 1_234, 1_500), (.bytes, 1_025, 1_536),
            (.bytes, 700 * 1_024, 768 * 1_024), (.bytes, 1_023, 1_024), (.number, .nan, 1),
            (.number, .infinity, 1), (.bytes, -5, 1),
        ] as [(PlotScale, Double, Double)])
    func scale(scale: PlotScale, value: Double, expected: Double) {
        #expect((scale.top(above: value) / expected - 1).magnitude < 1e-9)
    }
}
