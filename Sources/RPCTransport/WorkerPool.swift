import NIOCore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Threads that run handlers, and the bounded queue before them.
///
/// A thread takes a batch from the queue, runs it, and hands all of its answers over together: one
/// hand-over per batch costs a call a fraction of a microsecond, one per call several.
// Unchecked: all mutable state is guarded by `mutex`.
final class WorkerPool: @unchecked Sendable {
    /// Answers wait for the rest of their batch at most this long, beyond the handler that is
    /// running.
    private static let longestGathering = TimeAmount.microseconds(200)

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let batchLimit: Int
    private let capacity: Int
    private let byteCapacity: Int
    @exclusivity(unchecked) private var queue = CircularBuffer<ServerCall>()
    @exclusivity(unchecked) private var queuedByteCount = 0
    @exclusivity(unchecked) private var idleThreads = 0
    @exclusivity(unchecked) private var isStopped = false

    /// `batchLimit` requests at most are run before their answers are handed over.
    init(threadCount: Int, batchLimit: Int, capacity: Int, byteCapacity: Int) {
        self.batchLimit = batchLimit
        self.capacity = capacity
        self.byteCapacity = byteCapacity
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        for _ in 0..<max(1, threadCount) { Self.startThread { self.work() } }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Queues requests in order; returns how many of them found room.
    func submit(_ calls: [ServerCall]) -> Int {
        pthread_mutex_lock(mutex)
        var accepted = 0
        for call in calls {
            let byteCount = call.message.readableBytes
            guard !isStopped, queue.count < capacity, queuedByteCount + byteCount <= byteCapacity
            else { break }
            queue.append(call)
            queuedByteCount += byteCount
            accepted += 1
        }
        let wake = accepted > 0 && idleThreads > 0
        pthread_mutex_unlock(mutex)
        if wake { pthread_cond_signal(condition) }
        return accepted
    }

    /// Lets the threads end when they come back from their handlers; what is queued is dropped.
    /// Does not wait.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        queue.removeAll()
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
    }

    private func work() {
        let gatherer = AnswerGatherer()
        gatherer.install()
        var batch: [ServerCall] = []
        while take(into: &batch) {
            var began = batch.count > 1 ? NIODeadline.now() : .distantFuture
            for call in batch {
                call.runOnWorker()
                if batch.count > 1, !gatherer.isEmpty {
                    let now = NIODeadline.now()
                    if now - began > Self.longestGathering {
                        gatherer.handOver()
                        began = now
                    }
                }
            }
            batch.removeAll(keepingCapacity: true)
            gatherer.handOver()
        }
        gatherer.uninstall()
    }

    /// Waits for requests; false when the pool was stopped. Wakes another thread when it leaves
    /// work behind.
    private func take(into batch: inout [ServerCall]) -> Bool {
        pthread_mutex_lock(mutex)
        while queue.isEmpty, !isStopped {
            idleThreads += 1
            pthread_cond_wait(condition, mutex)
            idleThreads -= 1
        }
        let count = min(queue.count, batchLimit)
        for _ in 0..<count {
            let call = queue.removeFirst()
            queuedByteCount -= call.message.readableBytes
            batch.append(call)
        }
        let wake = !queue.isEmpty && idleThreads > 0
        let goOn = !isStopped
        pthread_mutex_unlock(mutex)
        if wake { pthread_cond_signal(condition) }
        return goOn
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) {
        final class Body: Sendable {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
            let result = pthread_create(
                &thread, nil,
                { argument in
                    Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, argument)
            if let thread { pthread_detach(thread) }
        #else
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, argument)
            if result == 0 { pthread_detach(thread) }
        #endif
        precondition(result == 0, "cannot start a thread: error \(result)")
    }
}

/// The answers that a worker thread has made and not yet handed over. Belongs to its thread, which
/// finds it by a thread-specific key.
final class AnswerGatherer {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        precondition(result == 0, "cannot make a thread-specific key: error \(result)")
        return key
    }()

    @exclusivity(unchecked) private var batches: [(loop: ServerLoop, calls: [ServerCall])] = []
    @exclusivity(unchecked) private(set) var isEmpty = true

    /// The calling thread's; nil on threads that are no workers.
    static var current: AnswerGatherer? {
        pthread_getspecific(key).map {
            Unmanaged<AnswerGatherer>.fromOpaque($0).takeUnretainedValue()
        }
    }

    func install() { pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque()) }

    func uninstall() { pthread_setspecific(Self.key, nil) }

    func add(_ call: ServerCall) {
        isEmpty = false
        let loop = call.connection.loop
        for index in batches.indices where batches[index].loop === loop {
            batches[index].calls.append(call)
            return
        }
        batches.append((loop, [call]))
    }

    func handOver() {
        guard !isEmpty else { return }
        isEmpty = true
        for index in batches.indices where !batches[index].calls.isEmpty {
            batches[index].loop.post(batches[index].calls)
            batches[index].calls.removeAll(keepingCapacity: true)
        }
    }
}
