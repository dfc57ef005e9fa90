import CNghttp2
import NIOCore
import NIOPosix
import Synchronization

/// Brings a client's calls to its connection: connects, pauses after failures, holds calls back
/// meanwhile, and watches their deadlines.
// Unchecked: the inbox is locked; everything under "event loop" is touched there only.
final class ClientDispatcher: @unchecked Sendable {
    enum Command: Sendable {
        case start(ClientCall)
        case cancel(ClientCall)
        /// The application has taken a message of a stream.
        case took(ClientCall)
        case shutDown
    }

    private struct Inbox {
        var commands: [Command] = []
        var isScheduled = false
    }

    enum Connecting {
        /// No connection; the next call makes one.
        case idle
        case connecting
        case connected(ClientConnection)
        /// The last attempt failed; until then calls fail at once, or wait.
        case pausing(until: NIODeadline, reason: String)
        case shutDown
    }

    /// A call is sent again at most this often, and only if no server saw it.
    private static let maxAttempts = 3

    let configuration: RPCClient.Configuration
    let options: HTTP2Options
    let eventLoop: any EventLoop
    let closed: EventLoopPromise<Void>
    private let inbox = Mutex(Inbox())

    // MARK: event loop

    private var state = Connecting.idle
    private var failures = 0
    private var waiting: [ClientCall] = []
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var alarm = DeadlineAlarm()
    private var paths: [String: FixedFields] = [:]

    init(_ configuration: RPCClient.Configuration) {
        self.configuration = configuration
        options = HTTP2Options { options in
            // Streams that the application does not read hold the server back, see
            // `ClientConnection`.
            nghttp2_option_set_no_auto_window_update(options, 1)
        }
        eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        closed = eventLoop.makePromise()
    }

    /// From any thread; many commands travel together.
    func post(_ command: Command) {
        let mustExecute = inbox.withLock { inbox in
            inbox.commands.append(command)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if mustExecute { eventLoop.execute { self.emptyInbox() } }
    }

    private func emptyInbox() {
        let commands = inbox.withLock { inbox in
            inbox.isScheduled = false
            defer { inbox.commands = [] }
            return inbox.commands
        }
        for command in commands {
            switch command {
            case .start(let call): start(call)
            case .cancel(let call): cancel(call)
            case .took(let call): call.connection?.giveCredit(to: call)
            case .shutDown: shutDown()
            }
        }
        for connection in connections.values { connection.sendPending() }
    }

    // MARK: calls

    private func start(_ call: ClientCall) {
        if call.isCancelRequested {
            call.fail(.cancelled, "the call was cancelled")
            return
        }
        call.attempts += 1
        switch state {
        case .connected(let connection):
            connection.submit(call)
        case .idle:
            waiting.append(call)
            connect()
        case .connecting:
            waiting.append(call)
        case .pausing(let until, let reason):
            if until <= .now() {
                waiting.append(call)
                connect()
            } else if configuration.waitForReady {
                waiting.append(call)
            } else {
                call.fail(.unavailable, reason)
            }
        case .shutDown:
            call.fail(.unavailable, "the client was shut down")
        }
        if let deadline = call.deadline, !call.isFinished { watch(deadline) }
    }

    private func cancel(_ call: ClientCall) {
        guard !call.isFinished else { return }
        call.fail(.cancelled, "the call was cancelled")
        call.connection?.abandon(call)
    }

    /// For a call that no server saw: its connection went away too early.
    func restart(_ call: ClientCall) {
        guard !call.isFinished else { return }
        call.reset()
        guard call.attempts < Self.maxAttempts else {
            call.fail(
                .unavailable, "\(configuration.authority) turned the call away repeatedly")
            return
        }
        // On another turn of the loop: this one may be inside of a connection's callback.
        eventLoop.execute {
            self.start(call)
            for connection in self.connections.values { connection.sendPending() }
        }
    }

    // MARK: deadlines

    private func watch(_ deadline: NIODeadline) {
        alarm.set(deadline, on: eventLoop) { [weak self] in self?.endOverdueCalls() }
    }

    private func endOverdueCalls() {
        alarm.rang()
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for connection in connections.values {
            for call in connection.calls.values where !call.isFinished {
                guard let deadline = call.deadline else { continue }
                if deadline > now {
                    next = min(next, deadline)
                } else {
                    call.fail(.deadlineExceeded, "no answer before the deadline")
                    connection.abandon(call)
                }
            }
            connection.sendPending()
        }
        waiting.removeAll(where: \.isFinished)
        for call in waiting {
            guard let deadline = call.deadline else { continue }
            if deadline > now {
                next = min(next, deadline)
            } else {
                call.fail(
                    .deadlineExceeded,
                    "no connection to \(configuration.authority) before the deadline")
            }
        }
        if next < .distantFuture { watch(next) }
    }

    // MARK: connecting

    private func connect() {
        state = .connecting
        let deadline = NIODeadline.now() + configuration.connectTimeout.timeAmount
        ClientBootstrap(group: eventLoop)
            .connectTimeout(configuration.connectTimeout.timeAmount)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 4096, initial: 16 << 10, maximum: 128 << 10)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try self.configuration.channelHook?(channel)
                    let http2 = HTTP2Connection()
                    http2.setDelegate(
                        ClientConnection(self, http2: http2, handshakeDeadline: deadline))
                    try channel.pipeline.syncOperations.addHandler(http2)
                }
            }
            .connect(host: configuration.host, port: configuration.port)
            .hop(to: eventLoop)
            .whenFailure { self.failedToConnect(Self.describe($0)) }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError:
            return ErrnoText.describe(error.errnoCode)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return describe(first.error) }
            return "\(error.dnsAError ?? error.dnsAAAAError ?? error)"
        case ChannelError.connectTimeout:
            return "it did not answer in time"
        default:
            return "\(error)"
        }
    }

    private func failedToConnect(_ text: String) {
        guard case .connecting = state else { return }
        let reason = "cannot connect to \(configuration.authority): \(text)"
        var pause = configuration.initialBackoff
        for _ in 0..<min(failures, 64) where pause < configuration.maxBackoff {
            pause = pause * 8 / 5
        }
        failures += 1
        let varied = min(pause, configuration.maxBackoff) * Int.random(in: 80...120) / 100
        let until = NIODeadline.now() + varied.timeAmount
        state = .pausing(until: until, reason: reason)
        if configuration.waitForReady {
            eventLoop.scheduleTask(deadline: until) { [weak self] in self?.connectAgain() }
        } else {
            let calls = waiting
            waiting = []
            for call in calls { call.fail(.unavailable, reason) }
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
        if case .shutDown = state { connection.cut() }
    }

    func connection(_ key: ObjectIdentifier) -> ClientConnection? { connections[key] }

    /// The server's SETTINGS have come.
    func isReady(_ connection: ClientConnection) {
        guard case .connecting = state else { return }
        failures = 0
        state = .connected(connection)
        let calls = waiting
        waiting = []
        for call in calls where !call.isFinished { connection.submit(call) }
    }

    /// It takes no more calls: the server is about to leave.
    func isLeaving(_ connection: ClientConnection) {
        if case .connected(let current) = state, current === connection { state = .idle }
    }

    func closed(_ connection: ClientConnection, wasReady: Bool, _ text: String) {
        connections[ObjectIdentifier(connection)] = nil
        if wasReady {
            isLeaving(connection)
        } else {
            failedToConnect(text)
        }
        if case .shutDown = state, connections.isEmpty { closed.succeed(()) }
    }

    private func shutDown() {
        if case .shutDown = state { return }
        state = .shutDown
        alarm.cancel()
        let calls = waiting
        waiting = []
        for call in calls { call.fail(.unavailable, "the client was shut down") }
        for connection in connections.values { connection.leave() }
        if connections.isEmpty { closed.succeed(()) }
    }

    // MARK: fields

    /// The fields of a request that depend on the method only; made once for each of the first 256
    /// methods.
    func withRequestFields(
        _ call: ClientCall, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Void
    ) {
        var extra = HeaderBlock()
        if let deadline = call.deadline {
            let left = (deadline - .now()).nanoseconds
            extra.add(
                "grpc-timeout", WireText.timeoutText(nanoseconds: max(left, 1)), isUnique: true)
        }
        extra.add(call.metadata)
        if let fixed = fixedFields(call.path) {
            let fields = UnsafeBufferPointer(fixed.fields)
            if extra.isEmpty {
                body(fields.baseAddress, fields.count)
            } else {
                extra.withFields(after: fields, body)
            }
        } else {
            requestFields(call.path).withFields { pointer, count in
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
        block.add(":scheme", configuration.usesTLS ? "https" : "http")
        block.add(":path", path)
        block.add(":authority", configuration.authority)
        block.add("te", "trailers")
        block.add("content-type", "application/grpc")
        block.add("user-agent", "grpc-swift-nghttp2/1")
        return block
    }
}
