import TestTools
import Testing

@testable import ServerStatistics

@Suite("Statistics over time")
struct StatisticsHistoryTests {
    @Test("have the rates between two looks at the server")
    func rates() throws {
        var history = StatisticsHistory()
        var metrics = SampleMetrics()
        history.add(try metrics.statistics, moment: 10, now: 1_000)
        #expect(history.points.last?.growth == nil)
        metrics.reads += 30
        metrics.readSeconds += 0.006
        metrics.writes += 6
        metrics.entries += 12
        metrics.refused += 3
        history.add(try metrics.statistics, moment: 13, now: 1_003)
        let growth = try #require(history.points.last?.growth)
        // The refused calls are logins, which count as reads.
        #expect(growth.readsPerSecond == 11 && growth.writesPerSecond == 2)
        #expect(growth.entriesPerSecond == 4 && growth.refusedPerSecond == 1)
        #expect(growth.readMicroseconds.map { $0.rounded() } == 200)
        #expect(growth.writeMicroseconds == 0)
        metrics.readSeconds += 1
        history.add(try metrics.statistics, moment: 16, now: 1_006)
        // No call was made, so there is no average.
        #expect(history.points.last?.growth?.readMicroseconds == nil)
        #expect(history.points.last?.growth?.readsPerSecond == 0)
    }

    @Test("have a gap where the server restarted, and say when that was seen")
    func restart() throws {
        for change in 0..<3 {
            var history = StatisticsHistory()
            var metrics = SampleMetrics()
            history.add(try metrics.statistics, moment: 0, now: 1_000)
            switch change {
            case 0: metrics.start += 50
            case 1: metrics.hours = 0.001
            default: metrics.writes = 0
            }
            metrics.reads += 5
            history.add(try metrics.statistics, moment: 3, now: 1_003)
            #expect(history.points.last?.growth == nil && history.restartTime == 1_003)
            metrics.reads += 5
            history.add(try metrics.statistics, moment: 4, now: 1_004)
            #expect(history.points.last?.growth?.readsPerSecond == 5)
            #expect(history.restartTime == 1_003)
        }
    }

    @Test("keep the last numbers while the server is silent, and say since when and why")
    func silence() throws {
        var history = StatisticsHistory()
        let metrics = SampleMetrics()
        history.addFailure("connection refused", now: 999)
        history.add(try metrics.statistics, moment: 0, now: 1_000)
        #expect(history.silence == nil)
        history.addFailure("connection refused", now: 1_003)
        history.addFailure("no answer", now: 1_006)
        #expect(history.silence == StatisticsHistory.Silence(since: 1_003, reason: "no answer"))
        #expect(history.latest == (try metrics.statistics) && history.latestTime == 1_000)
        history.add(try metrics.statistics, moment: 9, now: 1_009)
        #expect(history.silence == nil)
    }

    @Test("keep the newest samples, up to a limit")
    func capacity() throws {
        var history = StatisticsHistory()
        let statistics = try SampleMetrics().statistics
        for number in 0..<StatisticsHistory.capacity + 5 {
            history.add(statistics, moment: Double(number), now: 0)
        }
        #expect(history.points.count == StatisticsHistory.capacity)
        #expect(history.points.first?.time == 5)
    }

    @Test(
        "have no rate that is negative or no number, whatever counters do",
        arguments: 0..<50 as Range<UInt64>)
    func anyCounters(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var history = StatisticsHistory()
        for step in 0..<20 {
            var metrics = SampleMetrics()
            metrics.reads = random.next() >> UInt64(random.next(below: 64))
            metrics.writes = random.next() >> UInt64(random.next(below: 64))
            metrics.readSeconds = Double(random.next(below: 1_000)) / 7
            metrics.entries = random.next() >> UInt64(12 + random.next(below: 50))
            history.add(try metrics.statistics, moment: Double(step / 2), now: 0)
            guard let growth = history.points.last?.growth else { continue }
            for rate in [
                growth.readsPerSecond, growth.writesPerSecond, growth.entriesPerSecond,
                growth.readMicroseconds ?? 0,
            ] {
                #expect(rate >= 0 && rate.isFinite, "seed \(seed)")
            }
        }
    }
}
