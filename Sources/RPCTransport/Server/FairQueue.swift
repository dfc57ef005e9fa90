import DequeModule

/// Jobs that wait in lanes, and the order in which they are taken.
///
/// Lanes take turns, each a few jobs at a time: the fewer, the more lanes there are. A lane that had
/// nothing to do comes before those that have jobs left after a turn (the new flows of RFC 8290, section
/// 4.2). So one job now and then is taken soon, also beside a hundred lanes with a thousand jobs each.
///
/// Adding and taking a job cost a constant time.
struct FairQueue<Job: Sendable>: Sendable {
    private struct Lane {
        var jobs = Deque<Job>()
        /// Jobs that were taken and have not finished; 0 where lanes have no limit.
        var runningCount = 0
        var isInTurn = false
    }

    /// Jobs that a lane's turn takes at most.
    static var turnCount: Int { 8 }
    /// Jobs of all lanes in a round of turns, unless there are more lanes.
    private static var roundCount: Int { 128 }

    /// Jobs of one lane that run side by side.
    private let laneLimit: Int
    private var lanes: [Lane] = []
    /// Lanes that had nothing to do, and now have jobs: their turns come first.
    private var newTurns = Deque<Int>()
    /// The other lanes, in the order of their turns. A lane whose turn took all of its jobs waits here, too,
    /// until it has had a turn without any: what it gets meanwhile has its turn after the others', so that
    /// no lane is new all the time.
    private var turns = Deque<Int>()
    /// Jobs in all lanes.
    private(set) var count = 0

    init(laneLimit: Int = .max) { self.laneLimit = laneLimit }

    /// Whether `take` may find a job; false only if it finds none.
    var mayHaveJobs: Bool { !newTurns.isEmpty || !turns.isEmpty }

    /// Jobs that wait in a lane.
    func count(of lane: Int) -> Int { lane < lanes.count ? lanes[lane].jobs.count : 0 }

    /// Adds a job at the end of a lane. Lanes are numbered from 0, without large gaps.
    mutating func add(_ job: Job, to lane: Int) {
        while lanes.count <= lane { lanes.append(Lane()) }
        let isNew = lanes[lane].jobs.isEmpty && lanes[lane].runningCount == 0
        lanes[lane].jobs.append(job)
        count += 1
        queueTurn(of: lane, isNew: isNew)
    }

    /// Takes jobs whose turn it is until `jobs` has `limit`, or none is left that may run. Where lanes have
    /// a limit, `running` gets the lane of each, which `finish` wants when the job has run.
    mutating func take(upTo limit: Int, into jobs: inout Deque<Job>, running: inout [Int]) {
        while jobs.count < limit, let lane = newTurns.popFirst() ?? turns.popFirst() {
            takeTurn(of: lane, limit, &jobs, &running)
        }
    }

    /// Lets the lanes of jobs that have run have more of them run.
    mutating func finish(_ running: [Int]) {
        for lane in running {
            lanes[lane].runningCount -= 1
            queueTurn(of: lane, isNew: false)
        }
    }

    private mutating func queueTurn(of lane: Int, isNew: Bool) {
        guard !lanes[lane].isInTurn, !lanes[lane].jobs.isEmpty,
            lanes[lane].runningCount < laneLimit
        else { return }
        lanes[lane].isInTurn = true
        if isNew { newTurns.append(lane) } else { turns.append(lane) }
    }

    private mutating func takeTurn(
        of lane: Int, _ limit: Int, _ jobs: inout Deque<Job>, _ running: inout [Int]
    ) {
        lanes[lane].isInTurn = false
        let laneCount = newTurns.count + turns.count + 1
        let taken = min(
            max(1, min(Self.turnCount, Self.roundCount / laneCount)), limit - jobs.count,
            lanes[lane].jobs.count, laneLimit - lanes[lane].runningCount)
        for _ in 0..<taken { jobs.append(lanes[lane].jobs.removeFirst()) }
        count -= taken
        if laneLimit < .max {
            lanes[lane].runningCount += taken
            running += repeatElement(lane, count: taken)
        }
        if taken > 0, lanes[lane].jobs.isEmpty, !turns.isEmpty {
            lanes[lane].isInTurn = true
            turns.append(lane)
        } else {
            queueTurn(of: lane, isNew: false)
        }
    }
}
