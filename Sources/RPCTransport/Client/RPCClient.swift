import NIOCore
import NIOPosix
public import SwiftProtobuf

/// A client of one gRPC server: one connection, any number of calls on it at the same time, from
/// any task.
///
/// It connects when the first call is made, and again when a connection was lost and a call is
/// made. A call fails with `RPCError` only: with the server's status, or with `.unavailable` when
/// the server cannot be reached or the connection is lost, `.deadlineExceeded`, `.cancelled`;
/// `RPCError.requestFate` says if the server may have done the work. A call that the server
/// certainly did not process is sent again on a new connection; no other call is sent twice.
/// Cancelling the task cancels the call.
///
/// Letting go of the client ends its connection; `shutdown` also waits for that.
public final class RPCClient: Sendable {
    let dispatcher: ClientDispatcher

    /// Connects to nothing yet.
    public init(_ configuration: Configuration) {
        dispatcher = ClientDispatcher(
            configuration, on: MultiThreadedEventLoopGroup.singleton.next())
    }

    deinit { dispatcher.post(.shutDown) }

    /// One request, one answer.
    ///
    /// - Parameters:
    ///   - path: `/package.Service/Method`.
    ///   - timeout: for all of it, connecting included; the server is told. nil: as long as the
    ///     connection lives.
    ///   - check: looks at the answer before it is decoded; an answer for which it throws fails with
    ///     `.internalError`.
    /// - Throws: `RPCError`.
    public func unary<Request: SwiftProtobuf.Message, Answer: SwiftProtobuf.Message>(
        _ path: String, _ message: Request, metadata: Metadata = Metadata(),
        timeout: Duration? = nil,
        check: AnswerCheck? = nil
    ) async throws -> RPCResponse<Answer> {
        let receiver = UnaryReceiver()
        let request = try makeRequest(path, message, metadata, timeout, .unary(receiver))
        let answer = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                receiver.install(continuation)
                dispatcher.post(.start(request))
            }
        } onCancel: {
            request.requestCancel()
            dispatcher.post(.cancel(request))
        }
        let message: Answer = try Self.decode(answer.message, check)
        return RPCResponse(message: message, headers: answer.headers, trailers: answer.trailers)
    }

    /// One request, any number of answers. Returns when the server's headers have come; throws when
    /// a status came instead.
    ///
    /// The sequence ends after the last answer of a call that ended well, and throws `RPCError`
    /// otherwise. Letting go of it before its end cancels the call. What the application does not
    /// ask for holds the server back.
    ///
    /// - Parameters:
    ///   - timeout: for all of it; the server is told.
    ///   - messageTimeout: for the headers, and for each answer while the application waits for it.
    ///   - check: for each answer, as for `unary`.
    public func serverStreaming<Request: SwiftProtobuf.Message, Answer: SwiftProtobuf.Message>(
        _ path: String, _ message: Request, metadata: Metadata = Metadata(),
        timeout: Duration? = nil,
        messageTimeout: Duration? = nil, check: AnswerCheck? = nil
    ) async throws -> RPCResponseStream<Answer> {
        let receiver = StreamReceiver()
        let request = try makeRequest(path, message, metadata, timeout, .stream(receiver))
        let handle = StreamHandle(
            client: self, request: request, receiver: receiver, messageTimeout: messageTimeout)
        dispatcher.post(.start(request))
        let headers = try await handle.headers()
        return RPCResponseStream(handle: handle, check: check, headers: headers)
    }

    /// Ends the connection; calls in flight fail with `.unavailable`, as do later ones. Returns
    /// when it is closed.
    public func shutdown() async {
        dispatcher.post(.shutDown)
        try? await dispatcher.closed.futureResult.get()
    }

    private func makeRequest<Request: SwiftProtobuf.Message>(
        _ path: String, _ message: Request, _ metadata: Metadata, _ timeout: Duration?,
        _ receiver: ClientRequest.Receiver
    ) throws -> ClientRequest {
        let framed: FramedBytes
        do {
            framed = try message.serializedBytes()
        } catch {
            throw RPCError(
                .internalError, "cannot encode the request: \(error)", requestFate: .notProcessed)
        }
        return ClientRequest(
            path: path, message: framed.buffer, metadata: metadata,
            deadline: timeout.map { .now() + $0.timeAmount }, receiver: receiver)
    }

    static func decode<Answer: SwiftProtobuf.Message>(
        _ bytes: ByteBuffer, _ check: AnswerCheck?
    ) throws -> Answer {
        do {
            if let check { try bytes.withUnsafeReadableBytes(check) }
            return try Answer(serializedBytes: ReceivedBytes(bytes))
        } catch {
            throw RPCError(
                .internalError,
                "cannot decode the answer as \(Answer.protoMessageName): \(error)",
                requestFate: .mayHaveBeenProcessed)
        }
    }
}

/// Throws for an answer that must not be decoded: what a message of few bytes grows to when it is
/// decoded depends on what is in them.
public typealias AnswerCheck = @Sendable (UnsafeRawBufferPointer) throws -> Void

/// What a unary call brought.
public struct RPCResponse<Answer: SwiftProtobuf.Message>: Sendable {
    public let message: Answer
    /// The server's initial headers.
    public let headers: Metadata
    public let trailers: Metadata
}

/// The answers of a streaming call, in order. To be iterated once, by one task.
public struct RPCResponseStream<Answer: SwiftProtobuf.Message>: AsyncSequence, Sendable {
    public typealias Element = Answer

    let handle: StreamHandle
    let check: AnswerCheck?
    /// The server's initial headers.
    public let headers: Metadata

    /// The server's trailers; empty until the sequence has ended.
    public var trailers: Metadata { handle.receiver.trailers }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(handle: handle, check: check) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let handle: StreamHandle
        let check: AnswerCheck?

        public mutating func next() async throws -> Answer? {
            guard let bytes = try await handle.next() else { return nil }
            return try RPCClient.decode(bytes, check)
        }
    }
}
