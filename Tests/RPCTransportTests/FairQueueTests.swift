import DequeModule
import TestTools
import Testing

@testable import RPCTransport

@Suite("FairQueue")
struct FairQueueTests {
    /// A job with its lane and its number in the lane.
    private struct Job: Equatable {
        var lane: Int
        var number: Int
    }

    private func take(_ limit: Int, from queue: inout FairQueue<Job>) -> [Job] {
        var jobs = Deque<Job>()
        var running: [Int] = []
        queue.take(upTo: limit, into: &jobs, running: &running)
        queue.finish(running)
        return Array(jobs)
    }

    @Test("takes a lane that was idle before a hundred lanes with jobs left")
    func newLaneFirst() {
        var queue = FairQueue<Job>()
        for lane in 0..<100 {
            for number in 0..<1_000 { queue.add(Job(lane: lane, number: number), to: lane) }
        }
        _ = take(32, from: &queue)
        // The lanes that have not had a turn yet are as new as this one.
        queue.add(Job(lane: 100, number: 0), to: 100)
        #expect(take(100, from: &queue).contains(Job(lane: 100, number: 0)))
        // From here on they are not new.
        for lane in 101..<110 {
            queue.add(Job(lane: lane, number: 0), to: lane)
            #expect(take(32, from: &queue).first == Job(lane: lane, number: 0))
        }
    }

    @Test("does not treat a lane that always has one more job as new")
    func eagerLane() {
        var queue = FairQueue<Job>()
        for number in 0..<1_000 { queue.add(Job(lane: 0, number: number), to: 0) }
        var eagerCount = 0
        for number in 0..<100 {
            if queue.count(of: 1) == 0 { queue.add(Job(lane: 1, number: number), to: 1) }
            eagerCount += take(1, from: &queue).filter { $0.lane == 1 }.count
        }
        // Every other turn, with one job each, since the test takes one at a time.
        #expect((49...51).contains(eagerCount))
    }

    @Test("does not delay a lane with few jobs because of a hundred with jobs left")
    func lightLane() {
        var queue = FairQueue<Job>()
        for lane in 0..<100 {
            for number in 0..<1_000 { queue.add(Job(lane: lane, number: number), to: lane) }
        }
        _ = take(200, from: &queue)
        var number = 0
        for _ in 0..<50 {
            for _ in 0..<3 {
                queue.add(Job(lane: 100, number: number), to: 100)
                number += 1
            }
            // At most one job of another lane comes before each of them.
            #expect(take(6, from: &queue).filter { $0.lane == 100 }.count == 3)
        }
    }

    @Test("keeps the order of jobs that are put back, and gives their lanes the next turns")
    func putBack() {
        var queue = FairQueue<Job>()
        for lane in 0..<20 {
            for number in 0..<40 { queue.add(Job(lane: lane, number: number), to: lane) }
        }
        let taken = take(30, from: &queue)
        let rest = taken.dropFirst(3)
        queue.putBack(Deque(rest)) { $0.lane }
        #expect(queue.count == 797)
        var next: [Job] = []
        while queue.mayHaveJobs { next += take(1, from: &queue) }
        for lane in 0..<20 {
            let jobs = (taken.prefix(3) + next).filter { $0.lane == lane }
            #expect(jobs.map(\.number) == Array(0..<40))
        }
        // After the lanes that had not had their first turn.
        let lanes = Set(rest.map(\.lane))
        let newJobs = next.prefix { !lanes.contains($0.lane) }
        #expect(newJobs.allSatisfy { !taken.contains($0) && $0.number < 8 })
        #expect(next[newJobs.count] == rest.first)
    }

    @Test(
        "takes each job once, in the order of its lane, with no more at a time than the limit",
        arguments: 0..<40 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let laneLimit = seed % 2 == 0 ? Int.max : Int.random(in: 1...4, using: &random)
        var queue = FairQueue<Job>(laneLimit: laneLimit)
        var added = [Int](repeating: 0, count: 12)
        var taken = added
        var runningLanes: [Int] = []
        for _ in 0..<2_000 {
            if Bool.random(using: &random) {
                let lane = Int.random(in: 0..<added.count, using: &random)
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    queue.add(Job(lane: lane, number: added[lane]), to: lane)
                    added[lane] += 1
                }
            } else {
                var jobs = Deque<Job>()
                var running: [Int] = []
                queue.take(
                    upTo: Int.random(in: 1...10, using: &random), into: &jobs, running: &running)
                for job in jobs {
                    #expect(job.number == taken[job.lane])
                    taken[job.lane] += 1
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    let rest = Deque(jobs.suffix(Int.random(in: 0...jobs.count, using: &random)))
                    for job in rest { taken[job.lane] -= 1 }
                    queue.putBack(rest) { $0.lane }
                }
                if laneLimit < .max {
                    #expect(running == jobs.map(\.lane))
                    runningLanes += running
                    for lane in added.indices {
                        #expect(runningLanes.count { $0 == lane } <= laneLimit)
                    }
                    runningLanes.shuffle(using: &random)
                    let finished = Int.random(in: 0...runningLanes.count, using: &random)
                    queue.finish(Array(runningLanes.prefix(finished)))
                    runningLanes.removeFirst(finished)
                }
            }
            #expect(queue.count == zip(added, taken).reduce(0) { $0 + $1.0 - $1.1 })
        }
        queue.finish(runningLanes)
        while queue.mayHaveJobs {
            for job in take(7, from: &queue) {
                #expect(job.number == taken[job.lane])
                taken[job.lane] += 1
            }
        }
        #expect(taken == added)
    }
}
