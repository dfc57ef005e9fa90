/// The jobs of the thread that hashes passwords, and their order.
///
/// Acts of administration come first. Logins take turns by connection; a connection without other
/// jobs comes first. A login whose user's name or address has failed too often waits until its
/// limit allows it, and others overtake it. So the limits slow down a client that guesses
/// passwords. Another client that logs in at the same time, as the same user and from the same
/// address, waits for one turn of each guessing connection at most.
struct HashingQueue: Sendable {
    struct Job: Sendable {
        enum Kind: Sendable {
            case administration
            case login(name: [UInt8], host: [UInt8])
        }

        let kind: Kind
        /// The number of the caller's connection.
        let lane: Int
        let isCancelled: @Sendable () -> Bool
        /// Runs the job. Returns whether it was an attempt that failed.
        let run: @Sendable () -> Bool
        /// Answers the caller instead of running the job.
        let refuse: @Sendable (AccountError) -> Void
    }

    enum Next: Sendable {
        case job(Job)
        /// The next job may run at this time, in nanoseconds of the caller's clock.
        case waitUntil(UInt64)
        case empty
    }

    /// The maximum number of jobs. Each keeps a call of about 2 KiB in memory.
    static let capacity = 512
    static let laneCapacity = 128
    static let administrationCapacity = 64

    private var administration: [Job] = []
    /// The logins in the order of arrival.
    private var logins: [Job] = []
    /// The last turns of lanes that have jobs.
    private var lastTurns: [Int: UInt64] = [:]
    private var turn: UInt64 = 0
    private var names = AttemptLimit(burst: 10, interval: .seconds(1))
    private var hosts = AttemptLimit(burst: 40, interval: .milliseconds(250))

    var hasAdministration: Bool { !administration.isEmpty }
    var count: Int { administration.count + logins.count }
    /// The number of lanes whose last turn is remembered.
    var rememberedTurnCount: Int { lastTurns.count }

    /// Adds a job.
    ///
    /// - Returns: the job to refuse if the queue is full: this one, or the newest one of the
    ///   connection with the most jobs.
    mutating func add(_ job: Job) -> Job? {
        if case .administration = job.kind {
            guard administration.count < Self.administrationCapacity else { return job }
            administration.append(job)
            return nil
        }
        let own = logins.count { $0.lane == job.lane }
        guard own < Self.laneCapacity else { return job }
        var dropped: Job?
        if logins.count >= Self.capacity {
            let counts = Dictionary(logins.map { ($0.lane, 1) }, uniquingKeysWith: +)
            guard let heaviest = counts.max(by: { $0.value < $1.value }), heaviest.value > own + 1,
                let newest = logins.lastIndex(where: { $0.lane == heaviest.key })
            else { return job }
            dropped = logins.remove(at: newest)
        }
        logins.append(job)
        return dropped
    }

    /// Takes the job whose turn it is. A login counts as a failed attempt until
    /// ``finish(_:hasFailed:)``.
    mutating func next(now: UInt64) -> Next {
        if !administration.isEmpty { return .job(administration.removeFirst()) }
        logins.removeAll { $0.isCancelled() }
        forgetTurns()
        var best: (index: Int, turn: UInt64)?
        var earliest = UInt64.max
        for (index, job) in logins.enumerated() {
            let allowed = allowedAt(job, now: now)
            earliest = min(earliest, allowed)
            let last = lastTurns[job.lane] ?? 0
            if allowed <= now, last < best?.turn ?? .max { best = (index, last) }
        }
        guard let best else { return logins.isEmpty ? .empty : .waitUntil(earliest) }
        let job = logins.remove(at: best.index)
        turn += 1
        lastTurns[job.lane] = logins.contains { $0.lane == job.lane } ? turn : nil
        if case .login(let name, let host) = job.kind {
            names.take(name, now: now)
            hosts.take(host, now: now)
        }
        return .job(job)
    }

    /// Forgets the turns of lanes whose jobs were all cancelled or dropped.
    private mutating func forgetTurns() {
        guard lastTurns.count > logins.count else { return }
        let lanes = Set(logins.lazy.map(\.lane))
        lastTurns = lastTurns.filter { lanes.contains($0.key) }
    }

    /// Ends a job that was taken and has run.
    mutating func finish(_ job: Job, hasFailed: Bool) {
        guard case .login(let name, let host) = job.kind, !hasFailed else { return }
        names.giveBack(name)
        hosts.giveBack(host)
    }

    /// Removes and returns all jobs.
    mutating func removeAll() -> [Job] {
        defer { (administration, logins, lastTurns) = ([], [], [:]) }
        return administration + logins
    }

    private func allowedAt(_ job: Job, now: UInt64) -> UInt64 {
        guard case .login(let name, let host) = job.kind else { return now }
        return max(names.allowedAt(name, now: now), hosts.allowedAt(host, now: now))
    }
}
