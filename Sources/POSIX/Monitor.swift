#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A lock around a state, with threads that wait for the state to change.
///
/// `@unchecked Sendable`: every access to `state` and `hasWaiting` is between a lock and an unlock of `mutex`;
/// `pthread_cond_wait` holds the mutex again when it returns. Both pointers are constant. `deinit` frees them when no
/// thread holds a reference to the monitor; a waiting thread holds one. `make sanitize` runs its users under
/// ThreadSanitizer.
public final class Monitor<State: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State
    /// Whether a thread waits that was not woken since.
    private var hasWaiting = false

    public init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        // A wait does not depend on a clock that an operator or NTP can set back.
        var monotonic = pthread_condattr_t()
        pthread_condattr_init(&monotonic)
        #if !canImport(Darwin)
            pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC)
        #endif
        pthread_cond_init(changed, &monotonic)
        pthread_condattr_destroy(&monotonic)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Reads the state. It may have changed by the time `body` has returned.
    public func read<Value>(_ body: (State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(state)
    }

    /// Changes the state and wakes the threads that wait.
    public func change<Value>(_ body: (inout State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer {
            wakeWaiting()
            pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Calls `body` now and after each change of the state, until it returns a value.
    ///
    /// - Parameters:
    ///   - timeout: the longest wait; nil for no limit.
    ///   - body: may change the state when it returns a value, and must not when it returns nil.
    /// - Returns: the value of `body`; nil after the timeout.
    @discardableResult
    public func wait<Value>(
        upTo timeout: Duration? = nil, _ body: (inout State) -> Value?
    ) -> Value? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let deadline = timeout.map { ContinuousClock.now + $0 }
        while true {
            if let value = body(&state) {
                wakeWaiting()
                return value
            }
            hasWaiting = true
            if let deadline {
                let left = deadline - .now
                guard left > .zero else { return nil }
                let hasTimedOut = waitForChange(left)
                if hasTimedOut, deadline - .now > Self.pauseTime { pause() }
            } else {
                pthread_cond_wait(changed, mutex)
            }
        }
    }

    private func wakeWaiting() {
        guard hasWaiting else { return }
        hasWaiting = false
        pthread_cond_broadcast(changed)
    }

    private static var pauseTime: Duration { .milliseconds(10) }

    /// Lets the other threads run for 10 ms, without the lock. Where a library fakes the clocks, a wait may time out at
    /// once, each time: the thread would then take a whole processor until the timeout.
    private func pause() {
        pthread_mutex_unlock(mutex)
        usleep(10_000)
        pthread_mutex_lock(mutex)
    }

    /// Waits at most `duration` for a change, by the monotonic clock.
    ///
    /// - Returns: whether the time was over before a change.
    private func waitForChange(_ duration: Duration) -> Bool {
        let (seconds, attoseconds) = duration.components
        var time = timespec()
        #if canImport(Darwin)
            time.tv_sec = Int(seconds)
            time.tv_nsec = Int(attoseconds / 1_000_000_000)
            return pthread_cond_timedwait_relative_np(changed, mutex, &time) == ETIMEDOUT
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
            let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
            time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
            time.tv_nsec = nanoseconds % 1_000_000_000
            return pthread_cond_timedwait(changed, mutex, &time) == ETIMEDOUT
        #endif
    }
}
