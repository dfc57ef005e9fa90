import DequeModule
import Dispatch
import NIOCore
import NIOPosix
import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Threads that run handlers of one class, and the queue before them.
///
/// Connections take turns: each has a lane of its own in a `FairQueue`. So a client that makes one call
/// now and then waits for a batch of others' jobs, also beside a hundred clients that have a thousand
/// calls each in the queue.
///
/// A thread takes a batch, runs it, and hands all of its answers over together: one hand-over per
/// batch costs a call a fraction of a microsecond, one per call several.
final class WorkerPool: Sendable {
    enum Job: Sendable {
        /// A request that no handler has seen.
        case request(ServerCall)
        /// What makes a large answer, once there is room for it.
        case answer(ServerCall, @Sendable (ServerCall) -> Void)

        var call: ServerCall {
            switch self {
            case .request(let call), .answer(let call, _): call
            }
        }
    }

    struct Configuration: Sendable {
        /// Of its threads.
        var name: String
        var threadCount: Int
        /// Jobs of a batch, fewer if they take long.
        var batchLimit: Int
        /// Jobs in the queue; beyond, a lane takes only a few.
        var capacity: Int
        /// Jobs of one lane that run side by side.
        var laneLimit = Int.max
        /// Whether its threads give way to others that are ready.
        var isBackground = false
    }

    private struct State {
        var jobs: FairQueue<Job>
        var idleThreads = 0
        var isStopped = false
    }

    /// What a thread has taken.
    private struct Batch {
        /// Those that have not run yet.
        var jobs = Deque<Job>()
        /// Of all its jobs, where lanes have a limit.
        var lanes: [Int] = []
    }

    /// Answers wait for the rest of their batch at most this long, beyond the handler that is
    /// running. A full batch of reads with their proofs takes about as long: cut in two, it wakes the
    /// event loop twice.
    private static let longestGathering = TimeAmount.microseconds(500)
    /// The time that a batch takes at most, beyond the handler that is running: the rest of its jobs waits
    /// for another. Calls that arrive during a batch wait for its end.
    private static let longestBatch = TimeAmount.milliseconds(1)

    private let configuration: Configuration
    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    /// One for each thread.
    private let gatherers: [AnswerGatherer]

    init(_ configuration: Configuration) {
        self.configuration = configuration
        state = Mutex(State(jobs: FairQueue(laneLimit: configuration.laneLimit)))
        gatherers = (0..<max(1, configuration.threadCount)).map { _ in AnswerGatherer() }
    }

    /// Starts the threads. Throws `RPCError` `.unavailable` when the system gives none; those that run
    /// end with `stop`.
    func start() throws {
        let isBackground = configuration.isBackground
        for gatherer in gatherers {
            do {
                _ = try WorkerThread(name: configuration.name) {
                    if isBackground { giveWay() }
                    self.work(gatherer)
                }
            } catch {
                throw RPCError(.unavailable, "cannot start a thread: \(error)")
            }
        }
    }

    /// Jobs that wait for a thread.
    var waitingCount: Int { state.withLock { $0.jobs.count } }

    /// Queues jobs in order, and takes them out of `jobs`; returns those that found no room.
    func submit(_ jobs: inout Deque<Job>) -> [Job] {
        let capacity = configuration.capacity
        var refused: [Job] = []
        let wakes = state.withLock { state in
            while let job = jobs.popFirst() {
                guard !state.isStopped else {
                    refused.append(job)
                    continue
                }
                let lane = job.call.origin.lane
                if state.jobs.count < capacity
                    || state.jobs.count(of: lane) < min(FairQueue<Job>.turnLength, capacity / 8)
                {
                    state.jobs.add(job, to: lane)
                } else {
                    refused.append(job)
                }
            }
            return wakeOne(&state)
        }
        if wakes { wake.signal() }
        return refused
    }

    /// Lets the threads end when they come back from their handlers; what is queued is dropped.
    /// Does not wait.
    func stop() {
        let dropped = state.withLock { state in
            state.isStopped = true
            defer { state.jobs = FairQueue() }
            return state.jobs
        }
        _ = dropped  // freed outside of the lock
        for _ in gatherers { wake.signal() }
    }

    /// Hands over the answers that are made and wait for the rest of their batch, whose handler may
    /// have been blocked for long. From any thread.
    func handOverAnswers() {
        for gatherer in gatherers { gatherer.handOver() }
    }

    /// Whether a thread has to be woken for what is in the queue.
    private func wakeOne(_ state: inout State) -> Bool {
        guard state.jobs.mayHaveJobs, state.idleThreads > 0 else { return false }
        state.idleThreads -= 1
        return true
    }

    // MARK: threads

    private func work(_ gatherer: AnswerGatherer) {
        AnswerGatherer.current.currentValue = gatherer
        defer { AnswerGatherer.current.currentValue = nil }
        var batch = Batch()
        var limit = configuration.batchLimit
        while take(upTo: limit, into: &batch) {
            let count = batch.jobs.count
            let began = count > 1 ? NIODeadline.now() : .distantFuture
            var handedOver = began
            var now = began
            // Each is let go when it has run: the loop, which made its call, then is the last to hold it.
            while let job = batch.jobs.popFirst() {
                run(job)
                if count > 1 {
                    now = .now()
                    if now - handedOver > Self.longestGathering {
                        gatherer.handOver()
                        handedOver = now
                    }
                    if now - began > Self.longestBatch { break }
                }
            }
            gatherer.handOver()
            if count > 1 {
                limit = self.limit(after: count - batch.jobs.count, in: now - began, limit)
            }
        }
    }

    /// Jobs of the next batch: as many as take `longestBatch`, if they are like those of the last one. At
    /// least half of the last limit, since the thread may have waited for a processor.
    private func limit(after count: Int, in time: TimeAmount, _ last: Int) -> Int {
        let fitting = Self.longestBatch.nanoseconds * Int64(count) / max(1, time.nanoseconds)
        let limit = max(Int(min(Int64(configuration.batchLimit), fitting)), last / 2)
        // One alone would not be timed.
        return max(min(2, configuration.batchLimit), limit)
    }

    private func run(_ job: consuming Job) {
        switch job {
        case .request(let call):
            if call.origin.account.mayGoOn {
                call.run()
            } else {
                call.origin.mailbox.post(.returned(call))
            }
        case .answer(let call, let body):
            if !call.isAnswered, !call.isCancelled { body(call) }
        }
    }

    /// Puts the last batch aside, or what is left of it back, and waits for the next; false when the pool was
    /// stopped.
    private func take(upTo limit: Int, into batch: inout Batch) -> Bool {
        while true {
            let (goesOn, wakes, mustWait) = state.withLock { state in
                if state.isStopped { return (false, false, false) }
                if !batch.jobs.isEmpty {
                    var rest = Deque<Job>()
                    swap(&rest, &batch.jobs)
                    state.jobs.putBack(rest) { $0.call.origin.lane }
                }
                state.jobs.finish(batch.lanes)
                batch.lanes.removeAll(keepingCapacity: true)
                state.jobs.take(upTo: limit, into: &batch.jobs, running: &batch.lanes)
                if batch.jobs.isEmpty { state.idleThreads += 1 }
                return (true, wakeOne(&state), batch.jobs.isEmpty)
            }
            if wakes { wake.signal() }
            guard goesOn else { return false }
            guard mustWait else { return true }
            wake.wait()
        }
    }
}

/// Lets other threads of the process go first, whatever the priority of the process. On Linux these
/// calls concern the calling thread alone; elsewhere nothing happens.
private func giveWay() {
    #if os(Linux)
        let thread = __priority_which_t(PRIO_PROCESS.rawValue)
        _ = setpriority(thread, 0, getpriority(thread, 0) + 5)
    #endif
}
