public import NIOCore

extension RPCServer {
    /// The address on which a server listens, and the limits that keep it running whatever its clients do. A time of
    /// zero means zero.
    public struct Configuration: Sendable {
        public var host: String
        /// The port; 0 for any free port, see `RPCServer.port`.
        public var port: Int

        /// The TLS settings; nil for connections without TLS.
        public var tls: ServerTLS?

        /// Sent with every answer, including errors and unknown methods.
        public var initialHeaders: Metadata = Metadata()

        // MARK: threads

        /// Event loops, which read, frame and write. More than two pay off only if transport work fills several cores.
        public var eventLoopThreadCount = max(1, min(4, System.coreCount / 2))
        /// Threads for methods of `.points`. Fewer than cores: the loops need some, and waking a second thread for the
        /// rest of a batch costs more than it gains (measured on two cores, echo at 64 in flight: 8.7 µs of CPU a call
        /// with two, 7.1 with one).
        public var workerThreadCount = max(1, System.coreCount / 2)
        /// Threads for methods of `.bulk`, and for large answers. This many run at the same time, so that a few that
        /// wait for the disk do not delay the others.
        public var bulkThreadCount = max(8, 2 * System.coreCount)
        /// Threads for methods of `.walks`; at least two. One connection uses at most half of them.
        public var walkThreadCount = max(2, System.coreCount)
        /// Requests that wait for a thread of one class. A request with its call takes about 1 KiB besides the
        /// message, so 16,384 hold 16 MiB; at 5 µs each, two threads process them in 40 ms. Beyond this limit
        /// requests are refused with RESOURCE_EXHAUSTED, except the first eight of a connection.
        public var workerQueueCapacity = 16_384

        // MARK: messages

        /// A larger request is answered RESOURCE_EXHAUSTED as soon as its length is known.
        public var maxReceiveMessageByteCount = 32 << 20
        /// Bytes of unanswered requests over all connections; half as much for one connection. A request that exceeds
        /// this is refused with RESOURCE_EXHAUSTED. See `Admission`.
        public var maxBufferedRequestByteCount = 256 << 20
        /// A request is refused if less than 64 KiB of it arrives within this time, unless it ends.
        public var slowRequestTimeout = Duration.seconds(20)
        /// If a connection has more bytes of unsent answers than this, its further requests wait: a client that does
        /// not read holds about this much memory, plus the answers that were being made when the limit was reached.
        public var maxUnsentAnswerByteCount = 4 << 20
        /// Bytes of answers that are held over all connections: unread, or large and being made. Large answers beyond
        /// it wait. It suits a server with 1 GiB of memory, and fits eight answers of the largest size, 32 MiB.
        /// Connections that have read nothing yet share half of it. See `Admission` for what may be added to it.
        public var maxHeldAnswerByteCount = 256 << 20
        /// Once a quarter of `maxHeldAnswerByteCount` is taken, a connection with more unread bytes than this has its
        /// further requests wait. With more than 1,000 connections the limit is an equal share of that quarter, but
        /// never below 8 KiB.
        public var pressedAnswerByteCount = 64 << 10
        /// Once a quarter of `maxHeldAnswerByteCount` is taken, a connection that holds more than its share and has
        /// read less than 4 KiB of it for this long is closed with ENHANCE_YOUR_CALM, the longest silent first. If
        /// answers have to wait for room, a tenth of this time is enough.
        public var unreadAnswerTimeout = Duration.seconds(30)

        // MARK: HTTP/2

        /// Calls in flight per connection; clients queue further ones.
        public var maxConcurrentStreams = 1_024
        /// Decoded header bytes of one call, each field counted with 32 more (RFC 9113, section
        /// 6.5.2).
        public var maxHeaderByteCount = 16_384
        /// Bytes of a request that a client may send without waiting for a window update; four times as much per
        /// connection.
        public var windowByteCount = 1 << 20
        /// Streams that one client cancels, or makes the server cancel by its mistakes: this many at once, then this
        /// many a second. A cancelled call costs the server about 10 µs, so a hostile client can take about 5 % of a
        /// core; an honest one does not reach the limit.
        public var resetBurst = 10_000
        public var resetsPerSecond = 5_000
        /// DATA frames without content that may follow each other on one stream before the connection is closed.
        public var maxEmptyFrames = 100

        // MARK: connections

        /// Connections beyond this are closed when they are accepted.
        public var maxConnections = defaultMaxConnections
        public static let defaultMaxConnections = 10_000
        /// Connections from one address; nil: half of `maxConnections`, and see `Admission` for the last eighth.
        public var maxConnectionsPerAddress: Int?
        /// A connection that has had no call for this long is asked to close, which gRPC clients do without an error.
        /// When three quarters of `maxConnections` are taken, 10 s are enough, and the longest idle connections close
        /// first.
        public var idleTimeout = Duration.seconds(1_800)
        /// The time from accept to the client's first SETTINGS frame, TLS handshake included.
        public var handshakeTimeout = Duration.seconds(10)
        /// A connection on which nothing has arrived for this long is asked for a sign of life, and closed if none
        /// arrives within `keepaliveTimeout`.
        public var keepaliveInterval = Duration.seconds(60)
        public var keepaliveTimeout = Duration.seconds(20)
        /// A connection whose socket accepts nothing for this long is closed.
        public var stalledWriteTimeout = Duration.seconds(60)

        // MARK: hooks

        /// Runs before every method: for checks that do not depend on the method, such as who may call it.
        public var interceptor: RPCMethod.Interceptor?

        /// Runs on the event loop of each new connection before the transport's own handlers are
        /// added. Throwing closes the connection.
        public var channelHook: (@Sendable (any Channel) throws -> Void)?
        /// Makes the observer of a new connection, from the client's ``ServerCall/peerHost``. Called on an event loop: it
        /// must not block. nil costs nothing.
        public var observer: (@Sendable (_ peerHost: String) -> any CallObserver)?
        /// Called when clients were disconnected or refused because there was no room for them; at most once a second
        /// for each kind and event loop, once a minute for refused ones. Called on an event loop: it must not block.
        public var shortage: (@Sendable (Shortage) -> Void)?
        /// Called when a client was refused because its TLS handshake failed; ten times at once and then at most once a
        /// second. Called on an event loop: it must not block.
        public var failedHandshake: (@Sendable (FailedHandshake) -> Void)?
        /// Called when, in five checks a second apart, the server has held at least 32 MiB less than before, and less
        /// than half: then free memory can be returned to the system. Called on a separate thread.
        public var memoryIsFree: (@Sendable () -> Void)?

        public init(host: String = "127.0.0.1", port: Int = 0) {
            self.host = host
            self.port = port
        }
    }

    /// Clients that were disconnected or refused because the server was short of something.
    public enum Shortage: Sendable {
        /// Connections that did not read their answers while there was no room for those of others.
        case didNotRead(ClosedConnections)
        /// Connections that sent their requests too slowly while there was no room for others.
        case sentTooSlowly(ClosedConnections)
        /// Connections beyond `maxConnections` or `maxConnectionsPerAddress`.
        case refused(connectionCount: Int)
        /// The system has no descriptor or memory for another connection. Clients wait until it does.
        case cannotAccept(reason: String)
    }

    public struct ClosedConnections: Sendable {
        public internal(set) var connectionCount = 0
        /// The number of bytes that the server held for them.
        public internal(set) var byteCount = 0
        /// Address and port of one of them.
        public internal(set) var peerAddress = ""

        mutating func add(_ peer: String, _ byteCount: Int) {
            connectionCount += 1
            self.byteCount += byteCount
            peerAddress = peer
        }
    }

    /// Observes each call of a connection, on its event loop: it must not block. Always a class, since the transport
    /// would have to copy an existential of another type for each call.
    public protocol CallObserver: AnyObject, Sendable {
        /// The headers of a call of a registered method have arrived.
        func began(_ method: RPCMethod)
        /// A call was answered, or its client has disconnected. Called once for each call, including calls of methods
        /// that are not registered.
        func ended(_ call: FinishedCall)
    }

    /// A finished call, as an observer sees it.
    public struct FinishedCall: Sendable {
        /// The method; nil for a path that is not registered, which a client may choose at will.
        public let method: RPCMethod?
        /// The status of the answer; `.cancelled` if the client cancelled or disconnected.
        public let code: StatusCode
        /// The time from the request's headers to the answer.
        public let duration: TimeAmount
        /// Complete messages of the client.
        public let receivedMessageCount: Int
        /// Messages for the client, whether it has read them or not.
        public let sentMessageCount: Int
    }
}
