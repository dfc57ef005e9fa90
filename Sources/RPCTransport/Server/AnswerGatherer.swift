import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The answers that a worker thread has made and not handed over yet.
final class AnswerGatherer: Sendable {
    /// The key of `current`. NIO's `ThreadSpecificVariable` would take 100 instructions for each answer.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        precondition(result == 0, "cannot make a thread-specific key: error \(result)")
        return key
    }()

    /// The gatherer of the calling thread; nil on threads that are not workers.
    ///
    /// The key holds the gatherer without retaining it. Only `gather` sets it, for as long as its body runs; the caller
    /// of a method holds the object meanwhile, and no other thread sees the value.
    static var current: AnswerGatherer? {
        pthread_getspecific(key).map {
            Unmanaged<AnswerGatherer>.fromOpaque($0).takeUnretainedValue()
        }
    }

    /// Runs `body` with this gatherer as that of the calling thread.
    func gather(_ body: () -> Void) {
        pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
        defer { pthread_setspecific(Self.key, nil) }
        body()
    }

    private struct Batch {
        let mailbox: LoopMailbox
        var answers: [(ServerCall, Answer)]
    }

    /// One batch for each event loop whose calls the thread has answered.
    private let batches = Mutex<[Batch]>([])

    func add(_ call: ServerCall, _ answer: consuming Answer) {
        let mailbox = call.origin.mailbox
        var answer = Optional(answer)
        batches.withLock { batches in
            guard let answer = answer.take() else { return }
            if let position = batches.firstIndex(where: { $0.mailbox === mailbox }) {
                batches[position].answers.append((call, answer))
            } else {
                batches.append(Batch(mailbox: mailbox, answers: [(call, answer)]))
            }
        }
    }

    func handOver() {
        batches.withLock { batches in
            for position in batches.indices where !batches[position].answers.isEmpty {
                var answers: [(ServerCall, Answer)] = []
                // The next batch will have about the same size; growing costs more than some unused
                // capacity.
                answers.reserveCapacity(max(16, batches[position].answers.count))
                swap(&answers, &batches[position].answers)
                batches[position].mailbox.post(batch: answers)
            }
        }
    }
}
