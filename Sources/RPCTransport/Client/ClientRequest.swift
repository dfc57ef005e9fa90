import NIOCore
import Synchronization

/// A request with the receiver of its answer: the part of a call that the application's tasks share with the event
/// loop. Only the flag that requests cancellation ever changes.
final class ClientRequest: Sendable {
    enum Receiver: Sendable {
        case unary(UnaryReceiver)
        case stream(StreamReceiver)
    }

    let path: String
    /// The message with its prefix, kept so that it can be sent again.
    let message: [UInt8]
    let metadata: Metadata
    let deadline: NIODeadline?
    let receiver: Receiver
    let admit: AnswerAdmission?
    private let mustCancel = Atomic<Bool>(false)

    init(
        path: String, message: [UInt8], metadata: Metadata, deadline: NIODeadline?,
        receiver: Receiver, admit: AnswerAdmission? = nil
    ) {
        self.path = path
        self.message = message
        self.metadata = metadata
        self.deadline = deadline
        self.receiver = receiver
        self.admit = admit
    }

    /// Requests cancellation, from any thread, whether or not the call has started.
    func requestCancel() { mustCancel.store(true, ordering: .releasing) }

    var isCancelRequested: Bool { mustCancel.load(ordering: .acquiring) }
}
