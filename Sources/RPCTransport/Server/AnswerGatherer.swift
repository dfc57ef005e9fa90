import NIOCore
import NIOPosix
import Synchronization

/// The answers that a worker thread has made and not handed over yet.
final class AnswerGatherer: Sendable {
    /// The gatherer of the calling thread; nil on threads that are not workers.
    static let current = ThreadSpecificVariable<AnswerGatherer>()

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
                // The next batch will be about as large; growing costs more than some room to spare.
                answers.reserveCapacity(max(16, batches[position].answers.count))
                swap(&answers, &batches[position].answers)
                batches[position].mailbox.post(batch: answers)
            }
        }
    }
}
