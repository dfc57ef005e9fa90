import DequeModule

/// Jobs that wait in lanes, and the order in which they run.
///
/// Lanes take turns, each a few jobs at a time: the more lanes there are, the fewer jobs. A lane that had no jobs comes
/// first (the new flows of RFC 8290, section 4.2). Light lanes, which have few jobs left after a turn, alternate with
/// heavy ones. So a lane that occasionally adds a few jobs is served soon, even beside a hundred lanes with a
/// thousand jobs each.
///
/// Adding and taking a job take constant time.
struct FairQueue<Job: Sendable>: Sendable {
    private struct Lane {
        var jobs = Deque<Job>()
        /// Jobs that were taken and have not finished; 0 if lanes have no limit.
        var runningCount = 0
        var isInTurn = false
    }

    /// The largest number of jobs in a lane's turn; a lane that has more left is heavy.
    static var turnLength: Int { 8 }
    /// Jobs of all lanes in a round of turns, unless there are more lanes than this.
    private static var roundCount: Int { 128 }

    /// The largest number of jobs of one lane that run at the same time.
    private let laneLimit: Int
    private var lanes: [Lane] = []
    /// Lanes that had no jobs until now: their turns come first.
    private var newTurns = Deque<Int>()
    /// Light lanes, in the order of their turns. Each stays here until it has had a turn without any jobs: jobs that it
    /// gets meanwhile have their turn after the others', so that no lane is always new.
    private var lightTurns = Deque<Int>()
    private var heavyTurns = Deque<Int>()
    private var isHeavyTurn = false
    /// Jobs in all lanes.
    private(set) var count = 0

    init(laneLimit: Int = .max) { self.laneLimit = laneLimit }

    /// Whether `take` may find a job. If false, there is none.
    var mayHaveJobs: Bool { turnCount > 0 }

    /// The number of lanes that wait for a turn.
    private var turnCount: Int { newTurns.count + lightTurns.count + heavyTurns.count }

    /// Returns how many jobs wait in a lane.
    func count(of lane: Int) -> Int { lane < lanes.count ? lanes[lane].jobs.count : 0 }

    /// Adds a job at the end of a lane. Lanes are numbered from 0, without large gaps.
    mutating func add(_ job: Job, to lane: Int) {
        while lanes.count <= lane { lanes.append(Lane()) }
        let isNew = lanes[lane].jobs.isEmpty && lanes[lane].runningCount == 0
        lanes[lane].jobs.append(job)
        count += 1
        queueTurn(of: lane, isNew: isNew)
    }

    /// Takes jobs in turn until `jobs` has `limit`, or none is left that may run. If lanes have a limit, the lane of
    /// each job is appended to `running`; pass it to `finish` when the job has run.
    mutating func take(upTo limit: Int, into jobs: inout Deque<Job>, running: inout [Int]) {
        while jobs.count < limit, let lane = nextTurn() {
            takeTurn(of: lane, limit, &jobs, &running)
        }
    }

    private mutating func nextTurn() -> Int? {
        if let lane = newTurns.popFirst() { return lane }
        isHeavyTurn.toggle()
        return isHeavyTurn
            ? heavyTurns.popFirst() ?? lightTurns.popFirst()
            : lightTurns.popFirst() ?? heavyTurns.popFirst()
    }

    /// Puts back into their lanes the jobs that were taken last and have not begun. Their lanes have the next turn of
    /// their kind.
    mutating func putBack(_ jobs: consuming Deque<Job>, lane: (Job) -> Int) {
        count += jobs.count
        while let job = jobs.popLast() {
            let lane = lane(job)
            lanes[lane].jobs.prepend(job)
            guard !lanes[lane].isInTurn else { continue }
            lanes[lane].isInTurn = true
            if isLight(lane) { lightTurns.prepend(lane) } else { heavyTurns.prepend(lane) }
        }
    }

    /// Lets the lanes of jobs that have run start more jobs.
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
        if isNew {
            newTurns.append(lane)
        } else if isLight(lane) {
            lightTurns.append(lane)
        } else {
            heavyTurns.append(lane)
        }
    }

    private func isLight(_ lane: Int) -> Bool { lanes[lane].jobs.count <= Self.turnLength }

    private mutating func takeTurn(
        of lane: Int, _ limit: Int, _ jobs: inout Deque<Job>, _ running: inout [Int]
    ) {
        lanes[lane].isInTurn = false
        let laneCount = turnCount + 1
        let taken = min(
            max(1, min(Self.turnLength, Self.roundCount / laneCount)), limit - jobs.count,
            lanes[lane].jobs.count, laneLimit - lanes[lane].runningCount)
        for _ in 0..<taken { jobs.append(lanes[lane].jobs.removeFirst()) }
        count -= taken
        if laneLimit < .max {
            lanes[lane].runningCount += taken
            running += repeatElement(lane, count: taken)
        }
        if taken > 0, lanes[lane].jobs.isEmpty, !(lightTurns.isEmpty && heavyTurns.isEmpty) {
            lanes[lane].isInTurn = true
            lightTurns.append(lane)
        } else {
            queueTurn(of: lane, isNew: false)
        }
    }
}
