import ImmudbStore
import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The only thread that hashes passwords and changes users, one after the other.
///
/// It has low priority. After each login it rests for as long as the login kept a processor busy,
/// so any number of logins takes at most half of a core.
final class HashingThread: Sendable {
    private struct State: Sendable {
        var queue = HashingQueue()
        var arrivalCount = 0
        var isClosed = false
    }

    private let monitor = Monitor(State())
    private let thread = Mutex<WorkerThread?>(nil)

    /// - Throws: `io` if the system cannot start a thread.
    init() throws(StoreError) {
        do {
            let started = try WorkerThread(name: "passwords") { [monitor] in
                WorkerThread.giveWay(by: 5)
                while let job = Self.next(of: monitor) { Self.run(job, monitor) }
            }
            thread.withLock { $0 = started }
        } catch {
            throw StoreError(.io, "cannot start a thread for passwords: \(error)")
        }
    }

    /// Queues a job. If the queue is full, refuses this job or another one.
    func put(_ job: HashingQueue.Job) {
        let (dropped, isClosed) = monitor.change { state -> (HashingQueue.Job?, Bool) in
            if state.isClosed { return (job, true) }
            state.arrivalCount &+= 1
            return (state.queue.add(job), false)
        }
        dropped?.refuse(isClosed ? .stopping : .tooManyLogins)
    }

    /// The number of waiting jobs.
    var waitingCount: Int { monitor.read { $0.queue.count } }

    /// Refuses all waiting jobs, and waits for the running one.
    func end() {
        let jobs = monitor.change { state in
            state.isClosed = true
            return state.queue.removeAll()
        }
        for job in jobs { job.refuse(.stopping) }
        thread.withLock { $0.take() }?.join()
    }

    /// Waits for a job. Returns nil when the thread must end.
    private static func next(of monitor: Monitor<State>) -> HashingQueue.Job? {
        while true {
            let now = MonotonicTime.nanoseconds()
            let (next, arrivalCount, isClosed) = monitor.change { state in
                (state.queue.next(now: now), state.arrivalCount, state.isClosed)
            }
            if isClosed { return nil }
            var pause: Duration?
            switch next {
            case .job(let job): return job
            case .empty: break
            case .waitUntil(let time): pause = .nanoseconds(Int64(clamping: time - now))
            }
            monitor.wait(upTo: pause) { state in
                state.isClosed || state.arrivalCount != arrivalCount ? () : nil
            }
        }
    }

    private static func run(_ job: HashingQueue.Job, _ monitor: Monitor<State>) {
        let began = MonotonicTime.nanoseconds(CLOCK_THREAD_CPUTIME_ID)
        let hasFailed = job.run()
        monitor.change { $0.queue.finish(job, hasFailed: hasFailed) }
        guard case .login = job.kind else { return }
        let used = MonotonicTime.nanoseconds(CLOCK_THREAD_CPUTIME_ID) - began
        monitor.wait(upTo: .nanoseconds(Int64(clamping: used))) { state in
            state.isClosed || state.queue.hasAdministration ? () : nil
        }
    }
}
