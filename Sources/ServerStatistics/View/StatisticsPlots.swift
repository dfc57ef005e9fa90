import TerminalScreen

/// The plots of a server's statistics.
struct StatisticsPlots {
    private typealias Point = StatisticsHistory.Point

    private let statistics: ServerStatistics
    private let points: [Point]
    private let moment: Double

    init(_ statistics: ServerStatistics, _ points: [StatisticsHistory.Point], moment: Double) {
        self.statistics = statistics
        self.points = points
        self.moment = moment
    }

    var durations: Plot {
        func average(_ kind: MethodCalls.Kind) -> String {
            statistics.total(of: kind).averageMicroseconds.map(Quantities.whole) ?? "0"
        }
        return plot(
            " Avg. duration: \(average(.read)) µs read, \(average(.write)) µs write ", .number,
            [
                line("µs read", .first) { $0.growth?.readMicroseconds },
                line("µs write", .second) { $0.growth?.writeMicroseconds },
            ])
    }

    var sizes: Plot {
        let total = statistics.storedByteCount
        let parts = points.last.map {
            "VLog \(Quantities.size($0.ledgerByteCount)), LSM \(Quantities.size($0.indexByteCount))"
        }
        let title = " DB Size: \(Quantities.size(total))"
        return plot(
            "\(title) (\(parts ?? "")) ", shortTitle: title + " ", .bytes,
            [
                line("VLog", .first) { $0.ledgerByteCount },
                line("LSM", .second) { $0.indexByteCount },
                line("tree", .third) { $0.treeByteCount },
            ])
    }

    var calls: Plot {
        let reads = statistics.total(of: .read).callCount
        let writes = statistics.total(of: .write).callCount
        let both = Double(reads) + Double(writes)
        func percent(_ count: UInt64) -> String {
            both == 0 ? "0" : Quantities.whole(Double(count) / both * 100)
        }
        let title = " \(reads) reads / \(writes) writes"
        return plot(
            "\(title) (\(percent(reads))% / \(percent(writes))%) ", shortTitle: title + " ",
            .number,
            [
                line("reads/s", .first) { $0.growth?.readsPerSecond },
                line("writes/s", .second) { $0.growth?.writesPerSecond },
            ])
    }

    var memory: Plot {
        func size(_ count: UInt64?) -> String { count.map(Quantities.size) ?? "?" }
        let resident = statistics.process.residentByteCount
        return plot(
            " Memory: \(size(resident)) reserved, \(size(statistics.usedMemoryByteCount)) in use ",
            .bytes,
            [
                line("reserved", .first) { $0.residentByteCount },
                line("in use", .second) { $0.usedByteCount },
            ])
    }

    private func plot(
        _ title: String, shortTitle: String? = nil, _ scale: PlotScale, _ lines: [Plot.Line]
    ) -> Plot {
        Plot(
            title: title, shortTitle: shortTitle ?? title, lines: lines, moment: moment,
            scale: scale)
    }

    private func line(
        _ name: String, _ style: CellStyle, _ value: (Point) -> Double?
    ) -> Plot.Line {
        Plot.Line(name: name, style: style, values: points.map { ($0.time, value($0)) })
    }
}
