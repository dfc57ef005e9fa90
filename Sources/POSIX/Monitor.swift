#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// State behind a lock, and threads that wait for it to change.
///
/// `@unchecked Sendable`: the state and the count of waiting threads are read and written under the
/// mutex only.
public final class Monitor<State: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State
    /// Whether a thread waits that was not woken.
    private var hasWaiting = false

    public init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        // A wait must not depend on the clock that an operator, or NTP, sets back.
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

    /// Looks at the state. What `body` returns must not depend on the state staying as it is.
    public func read<Value>(_ body: (State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(state)
    }

    /// Changes the state; the threads that wait look at it again.
    public func change<Value>(_ body: (inout State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer {
            wakeWaiting()
            pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Changes the state as soon as `body` returns something, which it is asked now and whenever
    /// the state has changed.
    ///
    /// - Parameter timeout: how long to wait; nil: without end.
    /// - Returns: what `body` returned; nil after the timeout.
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
                waitForChange(left)
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

    /// Waits at most that long, by a clock that nobody sets.
    private func waitForChange(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec()
        #if canImport(Darwin)
            time.tv_sec = Int(seconds)
            time.tv_nsec = Int(attoseconds / 1_000_000_000)
            pthread_cond_timedwait_relative_np(changed, mutex, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
            let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
            time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
            time.tv_nsec = nanoseconds % 1_000_000_000
            pthread_cond_timedwait(changed, mutex, &time)
        #endif
    }
}
