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

/// Threads that run handlers of one class of work, and their queue.
///
/// Connections take turns: each has its own lane in a `FairQueue`. So a client that makes single calls waits for one
/// batch of others' jobs, even beside a hundred clients that have a thousand calls each in the queue.
///
/// A thread takes a batch, runs it, and hands over all of its answers together: one hand-over per batch costs a call a
/// fraction of a microsecond, one per call several.
final class WorkerPool: Sendable {
    /// A struct, since reading the call from an enum's case would retain it.
    struct Job: Sendable {
        let call: ServerCall
        /// Makes a large answer, for which there is room now. Nil for a request that no handler has seen.
        var makeAnswer: (@Sendable (ServerCall) -> Void)?
    }

    struct Configuration: Sendable {
        /// The name of the pool's threads.
        var name: String
        var threadCount: Int
        /// The largest number of jobs in a batch; fewer if they take long.
        var batchLimit: Int
        /// The largest number of jobs in the queue; beyond this, a lane may add only a few.
        var capacity: Int
        /// The largest number of jobs of one lane that run at the same time.
        var laneLimit = Int.max
        /// Whether the threads have lower priority.
        var isBackground = false
    }

    private struct State {
        var jobs: FairQueue<Job>
        var idleThreads = 0
        var isStopped = false
    }

    /// The jobs that a thread has taken.
    private struct Batch {
        /// The jobs that have not run yet.
        var jobs = Deque<Job>()
        /// The lanes of all its jobs, if lanes have a limit.
        var lanes: [Int] = []
    }

    /// The longest time that an answer waits for the rest of its batch, beyond the handler that is running. A full
    /// batch of reads with their proofs takes about as long: cutting it in two would wake the event loop twice.
    private static let longestGathering = TimeAmount.microseconds(500)
    /// The longest time of a batch, beyond the handler that is running: the rest of its jobs waits for another batch.
    /// Calls that arrive during a batch wait for its end.
    private static let longestBatch = TimeAmount.milliseconds(1)

    private let configuration: Configuration
    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    /// One gatherer for each thread.
    private let gatherers: [AnswerGatherer]

    init(_ configuration: Configuration) {
        self.configuration = configuration
        state = Mutex(State(jobs: FairQueue(laneLimit: configuration.laneLimit)))
        gatherers = (0..<max(1, configuration.threadCount)).map { _ in AnswerGatherer() }
    }

    /// Starts the threads. Throws `RPCError` `.unavailable` if the system has none left; threads that were started end
    /// with `stop`.
    func start() throws {
        let isBackground = configuration.isBackground
        for gatherer in gatherers {
            do {
                _ = try WorkerThread(name: configuration.name) {
                    if isBackground { giveWay() }
                    gatherer.gather { self.work(gatherer) }
                }
            } catch {
                throw RPCError(.unavailable, "cannot start a thread: \(error)")
            }
        }
    }

    /// The number of jobs that wait for a thread.
    var waitingCount: Int { state.withLock { $0.jobs.count } }

    /// Queues jobs in order, and removes them from `jobs`; returns those that found no room.
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

    /// Ends the threads when they return from their handlers, and drops queued jobs. Does not wait.
    func stop() {
        let dropped = state.withLock { state in
            state.isStopped = true
            defer { state.jobs = FairQueue() }
            return state.jobs
        }
        _ = dropped  // freed outside of the lock
        for _ in gatherers { wake.signal() }
    }

    /// Hands over finished answers that wait for the rest of their batch, whose handler may have been blocked for long.
    /// May be called from any thread.
    func handOverAnswers() {
        for gatherer in gatherers { gatherer.handOver() }
    }

    /// Returns whether to wake a thread for the queued jobs.
    private func wakeOne(_ state: inout State) -> Bool {
        guard state.jobs.mayHaveJobs, state.idleThreads > 0 else { return false }
        state.idleThreads -= 1
        return true
    }

    // MARK: threads

    private func work(_ gatherer: AnswerGatherer) {
        var batch = Batch()
        var limit = configuration.batchLimit
        while take(upTo: limit, into: &batch) {
            let count = batch.jobs.count
            let began = count > 1 ? NIODeadline.now() : .distantFuture
            var handedOver = began
            var now = began
            // Each job is released when it has run, so that the loop, which made its call, is the last to hold it.
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

    /// Returns the limit of the next batch: as many jobs as take `longestBatch` if they are like those of the last one.
    /// At least half of the last limit, since the thread may have waited for a processor.
    private func limit(after count: Int, in time: TimeAmount, _ last: Int) -> Int {
        let fitting = Self.longestBatch.nanoseconds * Int64(count) / max(1, time.nanoseconds)
        let limit = max(Int(min(Int64(configuration.batchLimit), fitting)), last / 2)
        // A batch of one job would not be timed.
        return max(min(2, configuration.batchLimit), limit)
    }

    private func run(_ job: consuming Job) {
        if let makeAnswer = job.makeAnswer {
            if !job.call.isAnswered, !job.call.isCancelled { makeAnswer(job.call) }
        } else if job.call.origin.account.mayGoOn {
            job.call.run()
        } else {
            job.call.origin.mailbox.post(.returned(job.call))
        }
    }

    /// Finishes the last batch, puts back its remaining jobs, and waits for the next; returns false if the pool was
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

/// Lowers the priority of the calling thread below that of the process's other threads. On Linux `setpriority` affects
/// only the calling thread; elsewhere nothing happens.
private func giveWay() {
    #if os(Linux)
        let thread = __priority_which_t(PRIO_PROCESS.rawValue)
        _ = setpriority(thread, 0, getpriority(thread, 0) + 5)
    #endif
}
