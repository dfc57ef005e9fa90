import Foundation
import TestTools
import Testing

@testable import ImmudbAuditor

@Suite("The plan by which an auditor reads")
struct ReadingPlanTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("reads everything once in each period, in shares, and begins again")
    func passes() {
        var plan = ReadingPlan(start: start)
        var reads = [Int](repeating: 0, count: 1_000)
        // 200 rounds of a minute, periods of 100 minutes.
        for round in 0..<200 {
            let now = start.addingTimeInterval(Double(round) * 60 + 1)
            let due = plan.due(at: now, of: 1_000, period: 6_000)
            #expect(due <= plan.position + 11)
            for entry in plan.position..<max(due, plan.position) { reads[Int(entry)] += 1 }
            plan.advance(to: due)
            plan.finish(at: now, of: 1_000, period: 6_000)
        }
        #expect(reads.allSatisfy { (1...2).contains($0) })
        #expect(plan.passCount >= 1)
    }

    @Test("catches up after a stop, and is not confused by a clock that was set")
    func clock() {
        var plan = ReadingPlan(start: start)
        plan.advance(to: 10)
        #expect(plan.due(at: start.addingTimeInterval(50), of: 100, period: 100) == 50)
        #expect(plan.due(at: start.addingTimeInterval(5_000), of: 100, period: 100) == 100)
        // Back by a year: the pass begins anew from then, where it is.
        let past = start.addingTimeInterval(-365 * 86_400)
        #expect(plan.due(at: past, of: 100, period: 100) == 0)
        #expect(plan.position == 10)
        #expect(plan.due(at: past.addingTimeInterval(60), of: 100, period: 100) == 60)
        plan.advance(to: 100)
        plan.finish(at: past.addingTimeInterval(60), of: 100, period: 100)
        #expect(plan.position == 100)
        plan.finish(at: past.addingTimeInterval(100), of: 100, period: 100)
        #expect(plan.position == 0)
        #expect(plan.due(at: start, of: 100, period: 0) == 100)
    }

    @Test(
        "takes durations as Go has them, and days",
        arguments: [
            ("60s", 60.0), ("0", 0), ("0s", 0), ("5m", 300), ("1h30m", 5_400), ("1.5h", 5_400),
            ("500ms", 0.5), ("7d", 604_800), ("168h", 604_800),
        ])
    func durations(text: String, seconds: Double) throws {
        #expect(try DurationSyntax.duration(text) == .milliseconds(Int64(seconds * 1_000)))
    }

    @Test(
        "refuses what is no duration",
        arguments: ["", "60", "s", "-1s", "1x", "1 s", "1..5s", "1e3s", "1000000d", "٣s", "inf s"])
    func noDurations(text: String) {
        #expect(throws: DurationSyntax.Fault.self) { try DurationSyntax.duration(text) }
    }
}
