import NIOCore
public import SwiftProtobuf

/// A method of a service with the handler that answers it.
public final class RPCMethod: Sendable {
    /// Where a unary handler runs. Classes of work have threads of their own, so that one never waits
    /// behind another; inside a class, connections take turns.
    public enum Execution: Sendable {
        /// On the connection's event loop: for answers from memory, in microseconds. A handler that
        /// blocks there stops every connection of the loop.
        case eventLoop
        /// On a worker thread, in a batch with the requests that came with it: reads and writes of
        /// single things. May block for a moment.
        case points
        /// On one of several threads, never in a batch: writes of many things, and large answers. May
        /// block for a while.
        case bulk
        /// On one of a few threads that give way to the others: for what can take seconds. One
        /// connection has half of them at most.
        case walks
    }

    /// Says how many bytes decoding a request will add to those on the wire, before it is decoded; or
    /// throws the answer for a request that must not be decoded.
    public typealias RequestMeasure = @Sendable (UnsafeRawBufferPointer) throws(RPCError) -> Int

    /// Looks at each call before its request is decoded, on the thread of its handler; what it throws is the
    /// answer.
    public typealias Interceptor = @Sendable (ServerCall) throws(RPCError) -> Void

    enum Handler: Sendable {
        case unary(Execution, @Sendable (ByteBuffer, ServerCall) -> Void)
        case serverStreaming(@Sendable (ServerStream) async throws -> Void)
    }

    /// `/package.Service/Method`.
    public let path: String
    let handler: Handler

    private init(path: String, handler: Handler) {
        self.path = path
        self.handler = handler
    }

    /// A method with one request and one answer.
    ///
    /// The handler may answer at once, or keep the call and answer later from any thread; a call
    /// that is never answered stays open until the client's deadline or its end. A request that
    /// cannot be decoded is answered INTERNAL before the handler runs. For a call that is cancelled
    /// or out of time it never runs.
    ///
    /// - Parameter measure: what decoding adds, counted as held until the call is answered; without
    ///   room for it the answer is RESOURCE_EXHAUSTED. For requests with repeated fields, of which an
    ///   element of two bytes on the wire can take a hundred.
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

    /// A method with one request and any number of answers.
    ///
    /// The handler runs as a task of its own, which is cancelled when the client cancels, goes
    /// away, or its deadline passes. Returning ends the call with OK; throwing an `RPCError` ends
    /// it with that status, any other error with UNKNOWN. Tasks run on Swift's cooperative pool:
    /// blocking work belongs on threads of the handler's own.
    ///
    /// - Parameter measure: as for a unary method. The decoded request counts as held until the call is
    ///   answered, its bytes until they are decoded.
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

    /// The request of a stream, whose bytes are freed.
    private static func decode<Request: SwiftProtobuf.Message>(
        requestOf call: ServerCall, _ measure: RequestMeasure?
    ) throws(RPCError) -> Request {
        guard let bytes = call.takeMessage() else {
            throw RPCError(.cancelled, "the call is over")
        }
        let byteCount = try bytes.measured(by: measure) ?? bytes.readableBytes
        let request: Request = try decode(bytes, reserving: byteCount, for: call)
        call.noteDecoded(byteCount)
        return request
    }

    private static func decode<Request: SwiftProtobuf.Message>(
        _ bytes: ByteBuffer, reserving byteCount: Int, for call: ServerCall
    ) throws(RPCError) -> Request {
        guard byteCount == 0 || call.reserveDecoded(byteCount) else {
            throw RPCError(.resourceExhausted, Answer.noRoomForRequestsText)
        }
        do {
            return try Request(serializedBytes: ReceivedBytes(bytes))
        } catch {
            throw RPCError(
                .internalError, "cannot decode the request as \(Request.protoMessageName): \(error)"
            )
        }
    }

    /// The same method behind an interceptor.
    public func intercepted(by interceptor: @escaping Interceptor) -> RPCMethod {
        switch handler {
        case .unary(let execution, let run):
            RPCMethod(
                path: path,
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
                path: path,
                handler: .serverStreaming { stream in
                    try interceptor(stream.call)
                    try await run(stream)
                })
        }
    }
}

extension ByteBuffer {
    /// What decoding a request adds to its bytes; nil if it is not measured.
    fileprivate func measured(by measure: RPCMethod.RequestMeasure?) throws(RPCError) -> Int? {
        guard let measure else { return nil }
        return try withUnsafeReadableBytes { bytes throws(RPCError) in try measure(bytes) }
    }
}
