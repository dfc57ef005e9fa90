import NIOCore
public import SwiftProtobuf
import Synchronization

/// A method of a service with the handler that answers it.
public final class RPCMethod: Sendable {
    /// The threads on which a unary handler runs. Each class of work has its own threads, so that no class waits for
    /// another; within a class, connections take turns.
    public enum Execution: Sendable {
        /// On the connection's event loop: for answers from memory, in microseconds. A handler that blocks there stops
        /// every connection of the loop.
        case eventLoop
        /// On a worker thread, in a batch with the requests that arrived with it: reads and writes
        /// of single entries. May block for a moment.
        case points
        /// On one of several threads, never in a batch: writes of many entries, and large answers. May block longer.
        case bulk
        /// On one of a few threads of lower priority: for calls that can take seconds. One connection uses at most half
        /// of these threads.
        case walks
    }

    /// Returns how many bytes decoding a request will add to those on the wire, before it is decoded. Throws the answer
    /// for a request that must not be decoded.
    public typealias RequestMeasure = @Sendable (UnsafeRawBufferPointer) throws(RPCError) -> Int

    /// Inspects each call before its request is decoded, on the thread of its handler. A thrown error is the answer. For a
    /// stream it is called again before each message, which may be long after the call began.
    public typealias Interceptor = @Sendable (ServerCall) throws(RPCError) -> Void

    enum Handler: Sendable {
        case unary(Execution, @Sendable (ReceivedBytes, ServerCall) -> Void)
        case serverStreaming(@Sendable (ServerStream) async throws -> Void)
        /// Inspects the call when its headers have arrived, and answers each of its messages.
        case conversation(Interceptor?, @Sendable (ByteBuffer) throws(RPCError) -> FramedBytes)
    }

    /// The largest size of a question in a conversation, in bytes.
    public static let maxQuestionByteCount = 4 << 10

    /// The path, `/package.Service/Method`.
    public let path: String
    /// Differs for all methods that a process makes, and grows: usable as a position in tables.
    public let number: Int
    let handler: Handler
    /// The threads on which a unary handler runs; nil for other methods.
    let execution: Execution?

    /// The number of messages in each direction.
    public enum Kind: Sendable {
        /// One request and one answer.
        case unary
        /// One request and any number of answers.
        case serverStreaming
        /// Any number of requests and answers.
        case conversation
    }

    public var kind: Kind {
        switch handler {
        case .unary: .unary
        case .serverStreaming: .serverStreaming
        case .conversation: .conversation
        }
    }

    /// Whether the client sends any number of messages.
    var isConversation: Bool {
        if case .conversation = handler { true } else { false }
    }

    private static let count = Atomic(0)

    /// - Parameter number: the number of the method of which this is another form.
    private init(path: String, number: Int? = nil, handler: Handler) {
        self.path = path
        self.number = number ?? Self.count.add(1, ordering: .relaxed).newValue
        self.handler = handler
        execution = if case .unary(let execution, _) = handler { execution } else { nil }
    }

    /// Makes a method with one request and one answer.
    ///
    /// The handler may answer at once, or keep the call and answer later from any thread; a call that is never answered
    /// stays open until the client's deadline or until the client closes it. A request that cannot be decoded is
    /// answered INTERNAL before the handler runs. The handler does not run for a call that is cancelled or past its
    /// deadline.
    ///
    /// - Parameter measure: how much memory decoding adds, counted as held until the call is answered; if there is no
    ///   room for it, the answer is RESOURCE_EXHAUSTED. For requests with repeated fields, of which an element of two
    ///   bytes on the wire can take a hundred.
    public static func unary<Request: SwiftProtobuf.Message>(
        _ path: String, on execution: Execution = .points, measure: RequestMeasure? = nil,
        _ handler: @escaping @Sendable (Request, ServerCall) -> Void
    ) -> RPCMethod {
        RPCMethod(
            path: path,
            handler: .unary(execution) { bytes, call in
                let request: Request
                do throws(RPCError) {
                    let byteCount = try bytes.measured(by: measure) ?? 0
                    request = try decode(bytes, reserving: byteCount, for: call)
                } catch {
                    return call.fail(error)
                }
                handler(request, call)
            })
    }

    /// Makes a method with one request and any number of answers.
    ///
    /// The handler runs in its own task, which is cancelled when the client cancels, disconnects, or its deadline
    /// passes. Returning ends the call with OK; throwing an `RPCError` ends it with that status, any other error with
    /// UNKNOWN. Tasks run on Swift's cooperative pool: blocking work belongs on the handler's own threads.
    ///
    /// - Parameter measure: as for a unary method. The decoded request counts as held until the call is answered, its
    ///   bytes until they are decoded.
    public static func serverStreaming<Request: SwiftProtobuf.Message>(
        _ path: String, measure: RequestMeasure? = nil,
        _ handler: @escaping @Sendable (Request, ServerStream) async throws -> Void
    ) -> RPCMethod {
        RPCMethod(
            path: path,
            handler: .serverStreaming { stream in
                try await handler(decode(requestOf: stream.call, measure), stream)
            })
    }

    /// Makes a method whose client asks any number of questions, each of which has one answer.
    ///
    /// Answers are sent in the order of the questions. The call ends with OK when the client has ended its stream and
    /// all questions are answered, or with the status of the error that `answer` throws. A question has at most
    /// ``maxQuestionByteCount`` bytes. The next question is answered when the previous answer was sent, so a client
    /// that does not read is not answered either.
    ///
    /// - Parameter answer: runs on the connection's event loop: for answers from memory, in microseconds.
    public static func conversation<Question: SwiftProtobuf.Message>(
        _ path: String,
        _ answer: @escaping @Sendable (Question) throws(RPCError) -> some SwiftProtobuf.Message
    ) -> RPCMethod {
        RPCMethod(
            path: path,
            handler: .conversation(nil) { bytes throws(RPCError) in
                let answer = try answer(decode(ReceivedBytes(bytes)))
                do {
                    return try answer.serializedBytes()
                } catch {
                    throw RPCError(.internalError, "cannot encode the answer: \(error)")
                }
            })
    }

    /// Decodes the request of a stream and frees its bytes.
    private static func decode<Request: SwiftProtobuf.Message>(
        requestOf call: ServerCall, _ measure: RequestMeasure?
    ) throws(RPCError) -> Request {
        guard let bytes = call.takeMessage() else {
            throw RPCError(.cancelled, "the call is over")
        }
        let byteCount = try bytes.measured(by: measure) ?? bytes.count
        let request: Request = try decode(bytes, reserving: byteCount, for: call)
        call.noteDecoded(byteCount)
        return request
    }

    private static func decode<Request: SwiftProtobuf.Message>(
        _ bytes: ReceivedBytes, reserving byteCount: Int, for call: ServerCall
    ) throws(RPCError) -> Request {
        guard byteCount == 0 || call.reserveDecoded(byteCount) else {
            throw RPCError(.resourceExhausted, Answer.noRoomForRequestsText)
        }
        return try decode(bytes)
    }

    private static func decode<Request: SwiftProtobuf.Message>(
        _ bytes: ReceivedBytes
    ) throws(RPCError) -> Request {
        do {
            return try Request(serializedBytes: bytes)
        } catch {
            throw RPCError(
                .internalError, "cannot decode the request as \(Request.protoMessageName): \(error)"
            )
        }
    }

    /// Returns the same method behind an interceptor.
    public func intercepted(by interceptor: @escaping Interceptor) -> RPCMethod {
        switch handler {
        case .unary(let execution, let run):
            RPCMethod(
                path: path, number: number,
                handler: .unary(execution) { bytes, call in
                    do throws(RPCError) {
                        try interceptor(call)
                    } catch {
                        return call.fail(error)
                    }
                    run(bytes, call)
                })
        case .serverStreaming(let run):
            RPCMethod(
                path: path, number: number,
                handler: .serverStreaming { stream in
                    try interceptor(stream.call)
                    stream.add(interceptor)
                    try await run(stream)
                })
        case .conversation(_, let answer):
            RPCMethod(
                path: path, number: number, handler: .conversation(interceptor, answer))
        }
    }
}

extension ReceivedBytes {
    /// Returns how much memory decoding a request adds to its bytes; nil if it is not measured.
    fileprivate func measured(by measure: RPCMethod.RequestMeasure?) throws(RPCError) -> Int? {
        guard let measure else { return nil }
        return try withUnsafeBytes { bytes in
            Result { () throws(RPCError) in try measure(bytes) }
        }.get()
    }
}
