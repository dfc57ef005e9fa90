import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The time as the self-check sees it; a test has a clock of its own.
struct CheckClock: Sendable {
    /// A time that nobody sets.
    var now: @Sendable () -> Duration
    /// How long the calling thread has computed.
    var processorTime: @Sendable () -> Duration
    /// The seconds since 1970.
    var seconds: @Sendable () -> Int64
    /// Waits until the time has passed or the state is true.
    /// - Returns: whether the state is true.
    var wait: @Sendable (Duration, Monitor<Bool>) -> Bool

    static let system = CheckClock(
        now: { time(of: CLOCK_MONOTONIC) },
        processorTime: { time(of: CLOCK_THREAD_CPUTIME_ID) },
        seconds: { time(of: CLOCK_REALTIME).components.seconds },
        wait: { duration, isOver in isOver.wait(upTo: duration) { $0 ? true : nil } ?? false })

    private static func time(of clock: clockid_t) -> Duration {
        var time = timespec()
        clock_gettime(clock, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}

/// Measures how long something takes, and how long the thread computes for it.
struct WorkMeter {
    private let clock: CheckClock
    private var start: (time: Duration, processorTime: Duration)

    init(_ clock: CheckClock) {
        self.clock = clock
        start = (clock.now(), clock.processorTime())
    }

    mutating func begin() { start = (clock.now(), clock.processorTime()) }

    func lap() -> (time: Duration, processorTime: Duration) {
        (clock.now() - start.time, clock.processorTime() - start.processorTime)
    }
}
