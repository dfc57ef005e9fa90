import NIOCore
import NIOPosix
public import SwiftProtobuf

/// A client of one gRPC server: one connection, any number of calls on it at the same time, from
/// any task.
///
/// The client connects when the first call is made, and again for the first call after a connection was lost. A call
/// fails only with `RPCError`: with the server's status, with `.unavailable` when the server cannot be reached or the
/// connection is lost, `.deadlineExceeded`, or `.cancelled`. `RPCError.requestFate` says whether the server may have
/// done the work. The client sends a call again, on a new connection, only if the server certainly did not process it.
/// Cancelling the task cancels the call.
///
/// Releasing the client closes its connection; `shutdown` also waits for that.
public final class RPCClient: Sendable {
    let dispatcher: ClientDispatcher

    /// Makes a client that is not connected yet.
    public init(_ configuration: Configuration) {
        dispatcher = ClientDispatcher(
            configuration, on: MultiThreadedEventLoopGroup.singleton.next())
    }

    deinit { dispatcher.post(.shutDown) }

    /// Sends one request and returns its answer.
    ///
    /// - Parameters:
    ///   - path: `/package.Service/Method`.
    ///   - timeout: for the whole call, including connecting; it is sent to the server. nil: as long as the
    ///     connection is open.
    ///   - check: inspects the answer before it is decoded; if it throws, the call fails with
    ///     `.internalError`.
    ///   - admit: learns the size of the answer's message before its bytes are kept; if it returns false, the call
    ///     fails with `.resourceExhausted`.
    /// - Throws: `RPCError`.
    public func unary<Request: SwiftProtobuf.Message, Answer: SwiftProtobuf.Message>(
        _ path: String, _ message: Request, metadata: Metadata = Metadata(),
        timeout: Duration? = nil,
        check: AnswerCheck? = nil, admit: AnswerAdmission? = nil
    ) async throws -> RPCResponse<Answer> {
        let receiver = UnaryReceiver()
        let request = try makeRequest(path, message, metadata, timeout, .unary(receiver), admit)
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

    /// Sends one request that has any number of answers. Returns when the server's headers have arrived; throws if a
    /// status arrived instead.
    ///
    /// The sequence ends after the last answer of a call that ended well, and throws `RPCError` otherwise. Releasing it
    /// before its end cancels the call. Flow control stops the server when the application does not ask for more
    /// answers.
    /// - Parameters:
    ///   - timeout: for the whole call; it is sent to the server.
    ///   - messageTimeout: for the headers, and for each answer while the application waits for it.
    ///   - check: for each answer, as for `unary`.
    ///   - admit: for each answer, as for `unary`.
    public func serverStreaming<Request: SwiftProtobuf.Message, Answer: SwiftProtobuf.Message>(
        _ path: String, _ message: Request, metadata: Metadata = Metadata(),
        timeout: Duration? = nil,
        messageTimeout: Duration? = nil, check: AnswerCheck? = nil, admit: AnswerAdmission? = nil
    ) async throws -> RPCResponseStream<Answer> {
        let receiver = StreamReceiver()
        let request = try makeRequest(path, message, metadata, timeout, .stream(receiver), admit)
        let handle = StreamHandle(
            client: self, request: request, receiver: receiver, messageTimeout: messageTimeout)
        dispatcher.post(.start(request))
        let headers = try await handle.headers()
        return RPCResponseStream(handle: handle, check: check, headers: headers)
    }

    /// Ends the connection. Calls in flight and later ones fail with `.unavailable`. Returns when the connection is
    /// closed.
    public func shutdown() async {
        dispatcher.post(.shutDown)
        try? await dispatcher.closed.futureResult.get()
    }

    private func makeRequest<Request: SwiftProtobuf.Message>(
        _ path: String, _ message: Request, _ metadata: Metadata, _ timeout: Duration?,
        _ receiver: ClientRequest.Receiver, _ admit: AnswerAdmission? = nil
    ) throws -> ClientRequest {
        let framed: FramedBytes
        do {
            framed = try message.serializedBytes()
        } catch {
            throw RPCError(
                .internalError, "cannot encode the request: \(error)", requestFate: .notProcessed)
        }
        return ClientRequest(
            path: path, message: framed.bytes, metadata: metadata,
            deadline: timeout.map { .now() + $0.timeAmount }, receiver: receiver, admit: admit)
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

/// Inspects an answer and throws if it must not be decoded: a message of few bytes may take much more memory when it is
/// decoded.
public typealias AnswerCheck = @Sendable (UnsafeRawBufferPointer) throws -> Void

/// Gets the size of an answer's message before its bytes are kept. Returns whether there is room for them. Called on
/// an event loop: it must not block.
public typealias AnswerAdmission = @Sendable (Int) -> Bool

/// The result of a unary call.
public struct RPCResponse<Answer: SwiftProtobuf.Message>: Sendable {
    public let message: Answer
    /// The server's initial headers.
    public let headers: Metadata
    public let trailers: Metadata
}

/// The answers of a streaming call, in order. Only one task may iterate over them, once.
public struct RPCResponseStream<Answer: SwiftProtobuf.Message>: AsyncSequence, Sendable {
    public typealias Element = Answer

    let handle: StreamHandle
    let check: AnswerCheck?
    /// The server's initial headers.
    public let headers: Metadata

    /// The server's trailers; empty until the sequence has ended.
    public var trailers: Metadata { handle.receiver.trailers }

    /// Ends the call. The sequence then throws `.cancelled`, unless it has ended.
    public func cancel() { handle.cancel() }

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
