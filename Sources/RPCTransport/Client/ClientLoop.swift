import CNghttp2
import NIOCore

/// Passes a client's calls to its connection: connects, pauses after failures, lets calls wait meanwhile, and ends
/// calls at their deadlines. Event loop only.
final class ClientLoop {
    private enum State {
        /// There is no connection; the next call makes one.
        case idle
        case connecting(ConnectionAttempt)
        /// A channel has connected; the server's SETTINGS have not arrived.
        case greeting
        case connected(ClientConnection)
        /// The last attempt failed. Until `until`, calls fail at once, or wait.
        case pausing(until: NIODeadline, reason: String)
        case shutDown
    }

    /// A call is sent at most this many times, and again only if no server has seen it.
    private static let maxAttempts = 3

    let configuration: RPCClient.Configuration
    let options: HTTP2Options
    let eventLoop: any EventLoop
    private let closed: EventLoopPromise<Void>
    private var state = State.idle
    private var failures = 0
    /// All calls that have not ended.
    private var calls: [ObjectIdentifier: ClientCall] = [:]
    /// The calls that wait for a connection, and some that have ended since.
    private var waiting: [ClientCall] = []
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var alarm = DeadlineAlarm()
    private var paths: [String: FixedFields] = [:]

    init(
        _ configuration: RPCClient.Configuration, on eventLoop: any EventLoop,
        closed: EventLoopPromise<Void>
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.closed = closed
        options = HTTP2Options { options in
            // Streams that the application does not read slow the server down, see `ClientConnection`.
            nghttp2_option_set_no_auto_window_update(options, 1)
        }
    }

    func sendPending() {
        for connection in connections.values { connection.http2.sendPending() }
    }

    private var bound: NIOLoopBound<ClientLoop> { NIOLoopBound(self, eventLoop: eventLoop) }

    // MARK: calls

    func start(_ request: ClientRequest) {
        let call = ClientCall(request, on: self)
        calls[ObjectIdentifier(request)] = call
        start(call)
    }

    private func start(_ call: ClientCall) {
        if call.request.isCancelRequested {
            call.fail(.cancelled, "the call was cancelled")
            return
        }
        call.attempts += 1
        switch state {
        case .connected(let connection):
            connection.submit(call)
        case .idle:
            wait(call)
            connect()
        case .connecting, .greeting:
            wait(call)
        case .pausing(let until, let reason):
            if until <= .now() {
                wait(call)
                connect()
            } else if configuration.waitForReady {
                wait(call)
            } else {
                call.fail(.unavailable, reason)
            }
        case .shutDown:
            call.fail(.unavailable, "the client was shut down")
        }
        if let deadline = call.request.deadline, !call.isFinished { watch(deadline) }
    }

    private func wait(_ call: ClientCall) {
        call.waitForConnection()
        waiting.append(call)
    }

    private func takeWaiting() -> [ClientCall] {
        defer { waiting = [] }
        return waiting.filter { !$0.isFinished }
    }

    func cancel(_ request: ClientRequest) {
        guard let call = calls[ObjectIdentifier(request)] else { return }
        let route = call.route
        call.fail(.cancelled, "the call was cancelled")
        route?.abandon()
    }

    /// Gives the server credit after the application has taken a message of a stream.
    func took(_ request: ClientRequest) {
        guard let call = calls[ObjectIdentifier(request)] else { return }
        call.route?.connection.giveCredit(to: call)
    }

    /// Forgets a call that has its status.
    func ended(_ call: ClientCall) { calls[ObjectIdentifier(call.request)] = nil }

    /// Starts a call again whose connection was lost before a server saw the call.
    func restart(_ call: ClientCall) {
        guard !call.isFinished else { return }
        call.requeue()
        guard call.attempts < Self.maxAttempts else {
            call.fail(
                .unavailable, "\(configuration.authority) turned the call away repeatedly")
            return
        }
        // In a later cycle of the loop: this may be inside of a connection's callback.
        eventLoop.assumeIsolated().execute {
            if !call.isFinished { self.start(call) }
            self.sendPending()
        }
    }

    /// Fails a call that no server will accept.
    func refuse(_ call: ClientCall, _ refusal: String) {
        guard !call.isFinished else { return }
        call.requeue()
        call.fail(.unavailable, "cannot connect to \(configuration.authority): \(refusal)")
    }

    // MARK: deadlines

    private func watch(_ deadline: NIODeadline) {
        guard !alarm.rings(by: deadline) else { return }  // saves a closure for each call
        let loop = bound
        alarm.set(deadline, among: calls.count, on: eventLoop) { loop.value.endOverdueCalls() }
    }

    private func endOverdueCalls() {
        alarm.rang()
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for call in calls.values {
            guard let deadline = call.request.deadline else { continue }
            if deadline > now {
                next = min(next, deadline)
                continue
            }
            let route = call.route
            call.fail(
                .deadlineExceeded,
                route == nil
                    ? "no connection to \(configuration.authority) before the deadline"
                    : "no answer before the deadline")
            route?.expire()
        }
        waiting.removeAll(where: \.isFinished)
        sendPending()
        if next < .distantFuture { watch(next) }
    }

    // MARK: connecting

    private func connect() {
        let attempt = ConnectionAttempt(configuration, on: eventLoop)
        state = .connecting(attempt)
        let deadline = NIODeadline.now() + configuration.connectTimeout.timeAmount
        attempt.start { outcome in
            switch outcome {
            case .connected(let channel, let address):
                self.greet(channel, address: address, until: deadline)
            case .failed(let reason):
                self.failedToConnect(reason)
            }
        }
    }

    /// Makes the channel that has connected the client's connection.
    private func greet(_ channel: any Channel, address: String, until deadline: NIODeadline) {
        state = .greeting
        let http2 = HTTP2Connection()
        http2.setDelegate(
            ClientConnection(self, http2: http2, address: address, greetingDeadline: deadline))
        do {
            if let tls = configuration.tls {
                try TLSHandshake.connect(tls, host: configuration.host, on: channel, http2)
            } else {
                try channel.pipeline.syncOperations.addHandler(TLSAlertDetector())
            }
            try channel.pipeline.syncOperations.addHandler(http2)
        } catch {
            http2.removeDelegate()
            channel.close(promise: nil)
            failedToConnect(ConnectionAttempt.describe(error))
        }
    }

    private func failedToConnect(_ text: String) {
        switch state {
        case .connecting, .greeting: break
        case .idle, .connected, .pausing, .shutDown: return
        }
        pause("cannot connect to \(configuration.authority): \(text)")
    }

    /// Waits until the next attempt; each failure in a row makes the pause longer.
    private func pause(_ reason: String) {
        var pause = configuration.initialBackoff
        for _ in 0..<min(failures, 64) where pause < configuration.maxBackoff {
            pause = pause * 8 / 5
        }
        failures += 1
        let varied = min(pause, configuration.maxBackoff) * Int.random(in: 80...120) / 100
        let until = NIODeadline.now() + varied.timeAmount
        state = .pausing(until: until, reason: reason)
        if configuration.waitForReady {
            eventLoop.assumeIsolated().scheduleTask(deadline: until) { [weak self] in
                self?.connectAgain()
            }
        } else {
            for call in takeWaiting() { call.fail(.unavailable, reason) }
        }
    }

    private func connectAgain() {
        waiting.removeAll(where: \.isFinished)
        guard case .pausing(let until, _) = state, until <= .now(), !waiting.isEmpty else { return }
        connect()
    }

    // MARK: from connections

    func opened(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    /// Submits the waiting calls to a connection: the server's SETTINGS have arrived.
    func becameReady(_ connection: ClientConnection) {
        guard case .greeting = state else { return }
        state = .connected(connection)
        for call in takeWaiting() { connection.submit(call) }
    }

    /// Gives up a connection that takes no more calls: the server is about to close it.
    ///
    /// - Parameter refusal: why the server has never taken a call on it, in the server's words; nil if it has given no
    ///   reason.
    func stoppedTakingCalls(_ connection: ClientConnection, refusal: String? = nil) {
        guard case .connected(let current) = state, current === connection else { return }
        if let refusal {
            pause("cannot connect to \(configuration.authority): \(refusal)")
        } else if connection.wasOfUse {
            failures = 0
            state = .idle
        } else {
            // Without a pause, the client would reconnect endlessly to a server that greets and leaves.
            pause("\(configuration.authority) has ended the connection without an answer")
        }
    }

    func closed(_ connection: ClientConnection, wasReady: Bool, _ text: String) {
        connections[ObjectIdentifier(connection)] = nil
        if wasReady {
            stoppedTakingCalls(connection)
        } else {
            failedToConnect(text)
        }
        if case .shutDown = state, connections.isEmpty { closed.succeed(()) }
    }

    func shutDown() {
        if case .shutDown = state { return }
        if case .connecting(let attempt) = state { attempt.cancel() }
        state = .shutDown
        alarm.cancel()
        for call in calls.values where call.route == nil {
            call.fail(.unavailable, "the client was shut down")
        }
        waiting = []
        for connection in connections.values { connection.leave() }
        if connections.isEmpty { closed.succeed(()) }
    }

    // MARK: fields

    /// Passes the header fields of a request to `body`. Those that depend only on the method are made once for each of
    /// the first 256 methods.
    func withRequestFields(
        _ request: ClientRequest, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Void
    ) {
        var extra = HeaderBlock()
        if let deadline = request.deadline {
            let left = (deadline - .now()).nanoseconds
            extra.add(
                "grpc-timeout", WireText.timeoutText(nanoseconds: max(left, 1)), isUnique: true)
        }
        extra.add(request.metadata)
        if let fixed = fixedFields(request.path) {
            let fields = UnsafeBufferPointer(fixed.fields)
            if extra.isEmpty {
                body(fields.baseAddress, fields.count)
            } else {
                extra.withFields(after: fields, body)
            }
        } else {
            requestFields(request.path).withFields { pointer, count in
                extra.withFields(after: UnsafeBufferPointer(start: pointer, count: count), body)
            }
        }
    }

    private func fixedFields(_ path: String) -> FixedFields? {
        if let fields = paths[path] { return fields }
        guard paths.count < 256 else { return nil }
        let fields = FixedFields(requestFields(path))
        paths[path] = fields
        return fields
    }

    private func requestFields(_ path: String) -> HeaderBlock {
        var block = HeaderBlock()
        block.add(":method", "POST")
        block.add(":scheme", configuration.tls != nil ? "https" : "http")
        block.add(":path", path)
        block.add(":authority", configuration.authority)
        block.add("te", "trailers")
        block.add("content-type", "application/grpc")
        block.add("user-agent", "grpc-swift-nghttp2/1")
        return block
    }
}
