import NIOCore
import Synchronization

/// A request with the receiver of its answer: the part of a call that the application's tasks and the
/// event loop share. Only the wish to cancel it ever changes.
final class ClientRequest: Sendable {
    enum Receiver: Sendable {
        case unary(UnaryReceiver)
        case stream(StreamReceiver)
    }

    let path: String
    /// Behind its prefix; kept so that it can be sent again.
    let message: ByteBuffer
    let metadata: Metadata
    let deadline: NIODeadline?
    let receiver: Receiver
    private let mustCancel = Atomic<Bool>(false)

    init(
        path: String, message: ByteBuffer, metadata: Metadata, deadline: NIODeadline?,
        receiver: Receiver
    ) {
        self.path = path
        self.message = message
        self.metadata = metadata
        self.deadline = deadline
        self.receiver = receiver
    }

    /// From any thread: whether or not it was started yet.
    func requestCancel() { mustCancel.store(true, ordering: .releasing) }

    var isCancelRequested: Bool { mustCancel.load(ordering: .acquiring) }
}
