import NIOCore

/// A call, from its arrival on the event loop to its status. Event loop only.
///
/// Its state is a value that only the transitions below change. It goes
///
///     queued ─► connecting ─► submitted ─► sending ─► receivingHeaders ─► receivingBody ─► finished
///
/// A call skips `connecting` if there is a connection, and `receivingHeaders` if the server answers before it has the
/// whole request. It may finish from any state. A call that no server has processed returns to `queued`, for another
/// connection, from any state before `receivingBody`. Each state has only the data that is valid in it: a finished call
/// has neither bytes nor a stream.
final class ClientCall {
    enum State {
        /// The call has just arrived, or a connection has turned it away.
        case queued
        /// The call waits for a connection.
        case connecting
        /// The call has a stream, and no byte has been sent to the server.
        case submitted(Outgoing)
        /// The server may have seen the call, and has not answered. Part of the request is unsent.
        case sending(Outgoing)
        /// The whole request has been sent.
        case receivingHeaders(Route)
        case receivingBody(Incoming)
        case finished
    }

    /// A stream of a connection.
    struct Route {
        let connection: ClientConnection
        let stream: Int32
    }

    struct Outgoing {
        let route: Route
        /// The part of the request that is not framed yet.
        var unsent: UnsentBytes
    }

    struct Incoming {
        let route: Route
        /// The part of the request that was not framed when the answer began.
        var unsent: UnsentBytes
        /// The server's initial headers.
        let headers: Metadata
        var body = AnswerBody()
        /// The answer of a unary call, once it is complete.
        var message: ByteBuffer?
        /// Bytes for which the server has not been given credit.
        var heldByteCount = 0
    }

    let request: ClientRequest
    /// The number of times that the call was passed to a connection, or began to wait for one.
    var attempts = 0
    private(set) var state = State.queued
    private let loop: ClientLoop

    init(_ request: ClientRequest, on loop: ClientLoop) {
        self.request = request
        self.loop = loop
    }

    var isFinished: Bool {
        if case .finished = state { true } else { false }
    }

    /// The stream of the call, in the states that have one.
    var route: Route? {
        switch state {
        case .submitted(let outgoing), .sending(let outgoing): outgoing.route
        case .receivingHeaders(let route): route
        case .receivingBody(let incoming): incoming.route
        case .queued, .connecting, .finished: nil
        }
    }

    /// The server's initial headers, once they have arrived.
    var headers: Metadata? {
        if case .receivingBody(let incoming) = state { incoming.headers } else { nil }
    }

    /// Whether the server may have seen any of the call.
    var wasSent: Bool {
        switch state {
        case .queued, .connecting, .submitted: false
        case .sending, .receivingHeaders, .receivingBody, .finished: true
        }
    }

    // MARK: the request

    func waitForConnection() {
        guard case .queued = state else { preconditionFailure("a call waits twice") }
        state = .connecting
    }

    func submit(to route: Route) {
        switch state {
        case .queued, .connecting:
            state = .submitted(Outgoing(route: route, unsent: UnsentBytes(request.message)))
        default: preconditionFailure("a call is submitted twice")
        }
    }

    /// Moves from `submitted` to `sending`: the call's HEADERS are about to be written to the socket.
    func headersLeave() {
        guard case .submitted(let outgoing) = state else { return }
        state = .sending(outgoing)
    }

    /// Bytes of the request that are not framed yet; nil if nothing more is to be sent.
    var unsentByteCount: Int? {
        switch state {
        case .submitted(let outgoing), .sending(let outgoing): outgoing.unsent.count
        case .receivingBody(let incoming): incoming.unsent.count
        case .queued, .connecting, .receivingHeaders, .finished: nil
        }
    }

    /// Moves the next bytes of the request into a frame.
    func moveBody(_ count: Int, to frame: inout ByteBuffer) {
        switch state {
        case .submitted(var outgoing), .sending(var outgoing):
            outgoing.unsent.move(count, to: &frame)
            state =
                outgoing.unsent.isEmpty
                ? .receivingHeaders(outgoing.route) : .sending(outgoing)
        case .receivingBody(var incoming):
            incoming.unsent.move(count, to: &frame)
            state = .receivingBody(incoming)
        case .queued, .connecting, .receivingHeaders, .finished:
            preconditionFailure("a call sends bytes that it does not have")
        }
    }

    /// Moves back to `queued`. No server has processed the call.
    func requeue() {
        switch state {
        case .queued, .connecting, .submitted, .sending, .receivingHeaders: state = .queued
        case .receivingBody, .finished:
            preconditionFailure("a call is queued again after its answer has begun")
        }
    }

    // MARK: the answer

    func receive(headers: Metadata) {
        switch state {
        case .submitted(let outgoing), .sending(let outgoing):
            state = .receivingBody(
                Incoming(route: outgoing.route, unsent: outgoing.unsent, headers: headers))
        case .receivingHeaders(let route):
            state = .receivingBody(
                Incoming(route: route, unsent: UnsentBytes(), headers: headers))
        case .queued, .connecting, .receivingBody, .finished:
            return
        }
        if case .stream(let receiver) = request.receiver { receiver.receive(headers: headers) }
    }

    /// Takes bytes of the answer; passes the messages of a stream on to the application.
    ///
    /// - Parameter limit: the largest message.
    func receive(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(AnswerBody.Fault) {
        guard case .receivingBody(var incoming) = state else {
            throw AnswerBody.Fault(
                code: .internalError, text: "the server's answer has no headers")
        }
        // The buffers have one owner while they grow.
        state = .finished
        defer { state = .receivingBody(incoming) }
        incoming.heldByteCount += bytes.count
        if !bytes.isEmpty, incoming.message != nil { throw Self.twoAnswers }
        incoming.body.append(bytes)
        while let message = try incoming.body.next(limit: limit, admit: request.admit) {
            switch request.receiver {
            case .unary:
                incoming.message = message
                if !incoming.body.isBetweenMessages { throw Self.twoAnswers }
                return
            case .stream(let receiver):
                receiver.receive(message: message)
            }
        }
    }

    private static let twoAnswers = AnswerBody.Fault(
        code: .internalError, text: "the server sent two answers to a call that takes one")

    /// Returns how many bytes of the stream the server may send again, now that the application has taken them; see
    /// `StreamReceiver.byteCount`.
    func takeCredit() -> Int {
        guard case .receivingBody(var incoming) = state, incoming.heldByteCount > 0 else {
            return 0
        }
        var count = incoming.heldByteCount
        if case .stream(let receiver) = request.receiver {
            count -= min(count, receiver.byteCount)
        }
        guard count > 0 else { return 0 }
        state = .finished
        incoming.heldByteCount -= count
        state = .receivingBody(incoming)
        return count
    }

    // MARK: the end

    /// Ends the call with the last header block of its answer: the trailers, or the only block.
    ///
    /// - Returns: whether part of the request is unsent.
    func finish(_ block: AnswerHeaders) -> Bool {
        guard !isFinished else { return false }
        let isUnsent = unsentByteCount ?? 0 > 0
        guard let status = block.status else {
            if headers == nil, block.httpStatus != 200 || !block.isGRPC {
                fail(
                    StatusCode(httpStatus: block.httpStatus), block.notGRPC,
                    trailers: block.metadata)
            } else {
                fail(
                    .internalError, "the server ended the call without a status",
                    trailers: block.metadata)
            }
            return isUnsent
        }
        guard status == 0 else {
            end(StatusCode(rawValue: status), block.text, block.metadata, isAnswer: true)
            return isUnsent
        }
        switch (request.receiver, state) {
        case (.unary(let receiver), .receivingBody(let incoming)) where incoming.message != nil:
            leave()
            receiver.finish(
                .success(
                    ClientAnswer(
                        message: incoming.message ?? ByteBuffer(), headers: incoming.headers,
                        trailers: block.metadata)))
        case (.unary, _):
            fail(
                .internalError, "the server answered OK without a complete message",
                trailers: block.metadata)
        case (.stream, .receivingBody(let incoming)) where !incoming.body.isBetweenMessages:
            fail(.internalError, "the server ended within a message", trailers: block.metadata)
        case (.stream(let receiver), _):
            leave()
            receiver.finish(nil, trailers: block.metadata)
        }
        return isUnsent
    }

    /// Ends the call with an error that the client has found.
    func fail(_ code: StatusCode, _ text: String, trailers: Metadata = Metadata()) {
        end(code, text, trailers, isAnswer: false)
    }

    private func end(_ code: StatusCode, _ text: String, _ trailers: Metadata, isAnswer: Bool) {
        guard !isFinished else { return }
        let error = RPCError(
            code, text, headers: headers ?? [:], trailers: trailers,
            requestFate: isAnswer ? .answered : wasSent ? .mayHaveBeenProcessed : .notProcessed)
        leave()
        switch request.receiver {
        case .unary(let receiver): receiver.finish(.failure(error))
        case .stream(let receiver): receiver.finish(error, trailers: trailers)
        }
    }

    private func leave() {
        state = .finished
        loop.ended(self)
    }
}
