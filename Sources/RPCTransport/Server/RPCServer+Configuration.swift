public import NIOCore

extension RPCServer {
    /// How a server listens, and the limits that keep it alive whatever its clients do. Times of
    /// zero are taken as they are.
    public struct Configuration: Sendable {
        public var host: String
        /// 0: any free port, see `RPCServer.port`.
        public var port: Int

        /// nil: without TLS.
        public var tls: ServerTLS?

        /// Sent on every answer, also with errors and for unknown methods.
        public var initialHeaders: Metadata = Metadata()

        // MARK: threads

        /// Loops that read, frame and write. More than two pay only when transport work fills
        /// several cores.
        public var eventLoopThreadCount = max(1, min(4, System.coreCount / 2))
        /// Threads for methods of `.points`. Fewer than cores: the loops need some, and a second thread
        /// that is woken for the rest of a batch costs more than it gains (measured on two cores, echo at
        /// 64 in flight: 8.7 µs of CPU a call with two, 7.1 with one).
        public var workerThreadCount = max(1, System.coreCount / 2)
        /// Threads for methods of `.bulk`, and for large answers: as many run side by side, so that a
        /// few that wait for the disk do not keep the others waiting.
        public var bulkThreadCount = max(8, 2 * System.coreCount)
        /// Threads for methods of `.walks`; two at least. One connection has half of them.
        public var walkThreadCount = max(2, System.coreCount)
        /// Requests that wait for a thread of one class. A request with its call takes about 1 KiB
        /// beside the message, so 16,384 hold 16 MiB; at 5 µs each, two threads work them off in 40 ms.
        /// Beyond: RESOURCE_EXHAUSTED, but for the first eight of a connection.
        public var workerQueueCapacity = 16_384

        // MARK: messages

        /// A larger request is answered RESOURCE_EXHAUSTED as soon as its length is known.
        public var maxReceiveMessageByteCount = 32 << 20
        /// Bytes of requests, over all connections, that are not answered; half as much for one
        /// connection. Beyond: RESOURCE_EXHAUSTED for the request that exceeds it. See `Admission`.
        public var maxBufferedRequestByteCount = 256 << 20
        /// A request of which less than 64 KiB arrives in that time, and not its end, is refused.
        public var slowRequestTimeout = Duration.seconds(20)
        /// Above this many bytes of answers that a connection has not sent, its further requests
        /// wait: what a client does not read holds about this much memory, plus the answers being
        /// made when it was reached.
        public var maxUnsentAnswerByteCount = 4 << 20
        /// Bytes of answers that are held over all connections: unread, or large and being made.
        /// Large answers beyond it wait. A server of 1 GiB gets on with this much, and eight answers
        /// of the largest size, 32 MiB, fit. Connections that have read nothing yet share half of
        /// it. See `Admission` for what may come on top.
        public var maxHeldAnswerByteCount = 256 << 20
        /// Once a quarter of `maxHeldAnswerByteCount` is taken, a connection's further requests wait
        /// above this many unread bytes; above an equal share of that quarter with more than 1,000
        /// connections, but never below 8 KiB.
        public var pressedAnswerByteCount = 64 << 10
        /// Once a quarter of `maxHeldAnswerByteCount` is taken, a connection that holds more than its
        /// share and has read less than 4 KiB of it for that long is closed with ENHANCE_YOUR_CALM,
        /// the longest silent first; after a tenth of that time, if answers have to wait for room.
        public var unreadAnswerTimeout = Duration.seconds(30)

        // MARK: HTTP/2

        /// Calls in flight per connection; clients keep further ones back.
        public var maxConcurrentStreams = 1_024
        /// Decoded header bytes of one call, each field counted with 32 more (RFC 9113, section
        /// 6.5.2).
        public var maxHeaderByteCount = 16_384
        /// Bytes of a request that a client may send before it hears back; four times as much per
        /// connection.
        public var windowByteCount = 1 << 20
        /// Streams that one client cancels, or makes the server cancel by its mistakes: this many at
        /// once, then this many a second. A cancelled
        /// call costs the server about 10 µs, so a hostile client can take about 5 % of a core; an
        /// honest one does not get here.
        public var resetBurst = 10_000
        public var resetsPerSecond = 5_000
        /// DATA frames without content, in a row on one stream, before the connection is closed.
        public var maxEmptyFrames = 100

        // MARK: connections

        /// Further connections are closed when they are accepted.
        public var maxConnections = defaultMaxConnections
        public static let defaultMaxConnections = 10_000
        /// Connections from one address; nil: half of `maxConnections`, and see `Admission` for the last eighth.
        public var maxConnectionsPerAddress: Int?
        /// A connection without calls for that long is asked to leave, which gRPC clients do unnoticed;
        /// after 10 s, the longest idle first, when three quarters of `maxConnections` are taken.
        public var idleTimeout = Duration.seconds(1_800)
        /// From accept to the client's first SETTINGS frame, TLS's handshake included.
        public var handshakeTimeout = Duration.seconds(10)
        /// A connection on which nothing arrived for that long is asked for a sign of life, and
        /// closed when `keepaliveTimeout` brings none.
        public var keepaliveInterval = Duration.seconds(60)
        public var keepaliveTimeout = Duration.seconds(20)
        /// A connection whose socket takes nothing for that long is closed.
        public var stalledWriteTimeout = Duration.seconds(60)

        // MARK: hooks

        /// Stands in front of all methods: for what is to be known of each call, or refused, whatever its
        /// method does, such as who may call it.
        public var interceptor: RPCMethod.Interceptor?

        /// Runs on the event loop of each new connection before the transport's own handlers are
        /// added. Throwing closes the connection.
        public var channelHook: (@Sendable (any Channel) throws -> Void)?
        /// Makes the observer of a new connection, from the client's ``ServerCall/peerHost``. On an event loop: it
        /// must not block. nil costs nothing.
        public var observer: (@Sendable (_ peerHost: String) -> any CallObserver)?
        /// Called when clients had to go, or were not let in, since there was no room for them; at most once a second
        /// for each kind and event loop, once a minute for those that were not let in. On an event loop: it
        /// must not block.
        public var shortage: (@Sendable (Shortage) -> Void)?
        /// Called when a client was not let in, since there is no TLS with it; ten times at once and
        /// then once a second at most. On an event loop: it must not block.
        public var failedHandshake: (@Sendable (FailedHandshake) -> Void)?
        /// Called when the server has held at least 32 MiB less, and half, for five looks at its
        /// connections, which are a second apart: the place to give free memory back to the system. On
        /// a thread of its own.
        public var memoryIsFree: (@Sendable () -> Void)?

        public init(host: String = "127.0.0.1", port: Int = 0) {
            self.host = host
            self.port = port
        }
    }

    /// Who had to go, or was not let in, since the server was short of something.
    public enum Shortage: Sendable {
        /// Connections that did not read their answers while there was no room for those of others.
        case didNotRead(ClosedConnections)
        /// Connections that did not go on with their requests while there was no room for others.
        case sentTooSlowly(ClosedConnections)
        /// Connections beyond `maxConnections` or `maxConnectionsPerAddress`.
        case refused(connectionCount: Int)
        /// The system gives no descriptor or memory for another connection. Clients wait until it
        /// does.
        case cannotAccept(reason: String)
    }

    public struct ClosedConnections: Sendable {
        public internal(set) var connectionCount = 0
        /// Of what the server held for them.
        public internal(set) var byteCount = 0
        /// Address and port of one of them.
        public internal(set) var peerAddress = ""

        mutating func add(_ peer: String, _ byteCount: Int) {
            connectionCount += 1
            self.byteCount += byteCount
            peerAddress = peer
        }
    }

    /// Learns of each call of a connection, on its event loop: it must not block.
    public protocol CallObserver: Sendable {
        /// The headers of a call of a registered method have come.
        func began(_ method: RPCMethod)
        /// A call was answered, or its client has gone: once for each call, also of methods that are not registered.
        func ended(_ call: FinishedCall)
    }

    /// What an observer learns of a call.
    public struct FinishedCall: Sendable {
        /// Nil for a path that is not registered, which a client may choose at will.
        public let method: RPCMethod?
        /// What was answered; `.cancelled` when the client cancelled or went away.
        public let code: StatusCode
        /// From the request's headers to the answer.
        public let duration: TimeAmount
        /// Messages of the client, as far as they were complete.
        public let receivedMessageCount: Int
        /// Messages for the client, whether it has read them or not.
        public let sentMessageCount: Int
    }
}
