import CNghttp2
import NIOCore
import Synchronization

/// The headers that all answers on a connection begin with.
final class InitialHeaders: Sendable {
    /// Those that the server was given.
    let own: Metadata
    /// `:status`, `content-type` and ``own``.
    let fields: FixedFields

    init(_ own: Metadata) {
        self.own = own
        var block = HeaderBlock()
        block.add(":status", "200")
        block.add("content-type", "application/grpc")
        block.add(own)
        fields = FixedFields(block)
    }
}

/// The state that all connections of a server share.
final class ServerCore: Sendable {
    let configuration: RPCServer.Configuration
    let methods: MethodTable
    let options: HTTP2Options
    let pools: WorkerPools
    let account: ServerAccount
    let connections: ConnectionTable
    let spareMemory: SpareMemory
    let handshakes: HandshakeReports
    /// The headers of the answers on connections that begin now.
    let initialHeaders: Mutex<InitialHeaders>
    /// `grpc-status: 0`.
    let okTrailers: FixedFields
    let tickInterval: TimeAmount
    let isDraining = Atomic<Bool>(false)

    init(_ configuration: RPCServer.Configuration, methods: MethodTable) {
        self.configuration = configuration
        self.methods = methods
        account = ServerAccount(Admission(configuration))
        connections = ConnectionTable(configuration, account)
        options = HTTP2Options { options in
            nghttp2_option_set_stream_reset_rate_limit(
                options, UInt64(max(0, configuration.resetBurst)),
                UInt64(max(0, configuration.resetsPerSecond)))
        }
        pools = WorkerPools(configuration)
        spareMemory = SpareMemory(configuration.memoryIsFree)
        handshakes = HandshakeReports(configuration.failedHandshake)
        initialHeaders = Mutex(InitialHeaders(configuration.initialHeaders))
        var ok = HeaderBlock()
        ok.add("grpc-status", "0")
        okTrailers = FixedFields(ok)
        let shortest = min(
            configuration.handshakeTimeout, configuration.keepaliveInterval,
            configuration.keepaliveTimeout, configuration.stalledWriteTimeout,
            configuration.unreadAnswerTimeout / 10, configuration.slowRequestTimeout,
            configuration.idleTimeout)
        tickInterval = min(.seconds(1), max(.milliseconds(10), (shortest / 4).timeAmount))
    }

    /// Makes nghttp2's session for a new connection and submits the server's SETTINGS; nil if there is no memory.
    ///
    /// - Parameter user: the connection's `HTTP2Callee`, which nghttp2 passes to its callbacks. It is not read
    ///   here, and `HTTP2Connection` keeps it until it has deleted the session.
    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer? {
        var made: OpaquePointer?
        guard
            nghttp2_session_server_new2(
                &made, HTTP2Callbacks.shared.pointer, user, options.pointer) == 0,
            let session = made
        else { return nil }
        let window = UInt32(clamping: min(configuration.windowByteCount, 1 << 28))
        let settings = [
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.maxConcurrentStreams,
                value: UInt32(clamping: configuration.maxConcurrentStreams)),
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.initialWindowByteCount, value: window),
            nghttp2_settings_entry(
                settings_id: HTTP2Setting.maxHeaderListByteCount,
                value: UInt32(clamping: configuration.maxHeaderByteCount)),
            nghttp2_settings_entry(settings_id: HTTP2Setting.noPriorities, value: 1),
        ]
        nghttp2_submit_settings(session, HTTP2.none, settings, settings.count)
        nghttp2_session_set_local_window_size(session, HTTP2.none, 0, Int32(window) * 4)
        return session
    }

    private let lastLook = Atomic<UInt64>(0)

    /// Looks for spare memory at most once a second, however many event loops ask for it.
    func lookForSpareMemory() {
        let now = NIODeadline.now().uptimeNanoseconds
        let last = lastLook.load(ordering: .relaxed)
        let second = UInt64(TimeAmount.seconds(1).nanoseconds)
        guard now >= last + second,
            lastLook.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        else { return }
        spareMemory.look(held: heldByteCount)
    }

    /// The approximate memory that the server holds for all its clients.
    var heldByteCount: Int {
        account.requestByteCount + account.answerByteCount
            + connections.count * SpareMemory.connectionByteCount
    }
}
