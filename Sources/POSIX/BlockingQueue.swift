#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A queue of limited capacity between threads that may block. Any thread puts; one thread takes.
///
/// `@unchecked Sendable`: everything mutable is read and written under `mutex` only.
public final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let filled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let emptied = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements: [Element] = []
    private var weight = 0
    private let capacity: Int
    private var isClosed = false
    private var takerWaits = false

    /// - Parameter capacity: the sum of the weights that the queue takes. An element that is
    ///   heavier than that is taken when the queue is empty.
    public init(capacity: Int) {
        self.capacity = capacity
        pthread_mutex_init(mutex, nil)
        // A wait must not depend on the clock that an operator, or NTP, sets back.
        var monotonic = pthread_condattr_t()
        pthread_condattr_init(&monotonic)
        #if !canImport(Darwin)
            pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC)
        #endif
        pthread_cond_init(filled, &monotonic)
        pthread_condattr_destroy(&monotonic)
        pthread_cond_init(emptied, nil)
    }

    deinit {
        pthread_cond_destroy(filled)
        pthread_cond_destroy(emptied)
        pthread_mutex_destroy(mutex)
        filled.deallocate()
        emptied.deallocate()
        mutex.deallocate()
    }

    /// Whether nothing waits just now.
    public var isEmpty: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return elements.isEmpty
    }

    public enum PutResult: Sendable { case queued, full, closed }

    /// Puts an element at the end, at once.
    ///
    /// - Parameter reserve: how much of the capacity this element must leave to others.
    public func put(_ element: Element, weight: Int = 1, reserve: Int = 0) -> PutResult {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if isClosed { return .closed }
        if self.weight > 0 && self.weight + weight > capacity - reserve { return .full }
        add(element, weight)
        return .queued
    }

    /// Puts an element at the end, waiting for room.
    /// - Returns: false when the queue is closed.
    public func putWaiting(_ element: Element, weight: Int = 1) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isClosed && self.weight > 0 && self.weight + weight > capacity {
            pthread_cond_wait(emptied, mutex)
        }
        if isClosed { return false }
        add(element, weight)
        return true
    }

    private func add(_ element: Element, _ weight: Int) {
        elements.append(element)
        self.weight += weight
        if takerWaits {
            takerWaits = false
            pthread_cond_signal(filled)
        }
    }

    /// All that waits, oldest first, as soon as there is something.
    ///
    /// - Parameter timeoutMilliseconds: how long to wait for it; nil: for ever.
    /// - Returns: an empty array after the timeout; nil when the queue is closed and empty.
    public func takeAll(timeoutMilliseconds: Int? = nil) -> [Element]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let deadline = timeoutMilliseconds.map { ContinuousClock.now + .milliseconds($0) }
        while elements.isEmpty {
            if isClosed { return nil }
            takerWaits = true
            if let deadline {
                let left = deadline - .now
                guard left > .zero else {
                    takerWaits = false
                    break
                }
                waitForElement(left)
            } else {
                pthread_cond_wait(filled, mutex)
            }
        }
        let taken = elements
        elements = []
        weight = 0
        pthread_cond_broadcast(emptied)
        return taken
    }

    /// Waits for a signal, at most `duration`, by a clock that nobody sets.
    private func waitForElement(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec()
        #if canImport(Darwin)
            time.tv_sec = Int(seconds)
            time.tv_nsec = Int(attoseconds / 1_000_000_000)
            pthread_cond_timedwait_relative_np(filled, mutex, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
            let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
            time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
            time.tv_nsec = nanoseconds % 1_000_000_000
            pthread_cond_timedwait(filled, mutex, &time)
        #endif
    }

    /// Takes no more elements; those that wait are still handed out.
    public func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(filled)
        pthread_cond_broadcast(emptied)
        pthread_mutex_unlock(mutex)
    }
}
