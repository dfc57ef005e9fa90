import NIOCore
import Synchronization

/// The application's end of a streaming call. Releasing it cancels the call.
final class StreamHandle: Sendable {
    private let client: RPCClient
    private let request: ClientRequest
    let receiver: StreamReceiver

    private let messageTimeout: Duration?
    private let isOverdue = Atomic<Bool>(false)

    init(
        client: RPCClient, request: ClientRequest, receiver: StreamReceiver,
        messageTimeout: Duration?
    ) {
        self.client = client
        self.request = request
        self.receiver = receiver
        self.messageTimeout = messageTimeout
    }

    deinit { cancel() }

    func headers() async throws -> Metadata {
        try await withinTimeout { try await self.receiver.waitForHeaders() }
    }

    func next() async throws -> ByteBuffer? {
        let message = try await withinTimeout { try await self.receiver.waitForMessage() }
        if message != nil { client.dispatcher.post(.took(request)) }
        return message
    }

    /// Waits, and cancels the call if the task is cancelled or nothing arrives in time.
    private func withinTimeout<Value>(_ wait: () async throws -> Value) async throws -> Value {
        let alarm = messageTimeout.map { timeout in
            Task {
                try await Task.sleep(for: timeout)
                self.isOverdue.store(true, ordering: .releasing)
                self.cancel()
            }
        }
        defer { alarm?.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await wait()
            } onCancel: {
                cancel()
            }
        } catch let error as RPCError
            where error.code == .cancelled && isOverdue.load(ordering: .acquiring)
        {
            throw RPCError(
                .deadlineExceeded, "nothing more of the answer came in time",
                requestFate: error.requestFate)
        }
    }

    /// Cancels the call, from any thread.
    func cancel() {
        request.requestCancel()
        client.dispatcher.post(.cancel(request))
    }
}
