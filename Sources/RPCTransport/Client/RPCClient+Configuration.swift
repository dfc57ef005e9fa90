public import NIOCore
import NIOPosix
import POSIX

extension RPCClient {
    /// The server's address, and the client's timeouts and limits.
    public struct Configuration: Sendable {
        /// A name or an address, without brackets.
        public var host: String
        public var port: Int

        /// A larger answer ends its call with RESOURCE_EXHAUSTED as soon as its length is known.
        public var maxReceiveMessageByteCount = 32 << 20
        /// The largest size of an answer's decoded headers in bytes; each field counts 32 more.
        public var maxHeaderByteCount = 64 << 10
        /// The number of bytes of a streaming call's answers that are accepted before the application asks for them.
        public var windowByteCount = 1 << 20

        /// The time from the first packet to the server's first SETTINGS frame.
        public var connectTimeout = Duration.seconds(10)
        /// The pause after a failed attempt to connect. It grows by 1.6 with each failure, up to `maxBackoff`, and
        /// varies by a fifth. Calls made during the pause fail at once with the reason of the failure.
        public var initialBackoff = Duration.milliseconds(50)
        public var maxBackoff = Duration.seconds(5)
        /// Whether calls survive failed attempts to connect: they wait until their own timeout.
        public var waitForReady = false

        /// If calls are in flight and nothing arrives for this long, the client asks the server for a sign of life, and
        /// gives up the connection if there is none within `keepaliveTimeout`. Other gRPC servers treat intervals below
        /// five minutes as abuse.
        public var keepaliveInterval = Duration.seconds(300)
        public var keepaliveTimeout = Duration.seconds(20)
        /// When a call passes its deadline, the client asks for a sign of life at once if nothing has arrived for this
        /// long.
        var suspicion = Duration.seconds(5)
        /// The connection to a server that reads nothing for this long, and for `keepaliveTimeout`, is closed. A
        /// server allows a client that does not read the same time.
        var stalledWriteTimeout = Duration.seconds(60)

        /// The TLS settings; nil for a connection without TLS.
        public var tls: ClientTLS?
        /// Runs on the event loop of each new connection before the transport's own handlers are
        /// added. Throwing fails the attempt to connect.
        public var channelHook: (@Sendable (any Channel) throws -> Void)?

        /// Makes a connected socket for each attempt to connect; nil: connects to host and port over the network.
        var connector: (@Sendable () throws(RPCError) -> NIOBSDSocket.Handle)?
        /// Makes the resolver of one attempt to connect; nil: getaddrinfo.
        var makeResolver: (@Sendable (any EventLoop) -> any Resolver & Sendable)?

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// Configures a client of a server in the same process: no port, no TLS, and every call's
        /// ``ServerCall/peerAddress`` is ``RPCServer/inProcessAddress``.
        ///
        /// - Parameter forOthers: whether it calls for others, as a gateway does. Then no call counts as from this
        ///   machine (``ServerCall/isFromThisMachine``), wherever its caller is.
        public init(inProcess server: RPCServer, forOthers: Bool = false) {
            self.init(host: RPCServer.inProcessAddress, port: 0)
            connector = { () throws(RPCError) in try server.connectInProcess(forOthers: forOthers) }
        }

        /// `host:port`, for `:authority` and messages.
        var authority: String { connector == nil ? hostAndPort(host, port) : host }

        /// The message about a server that has sent nothing.
        var noAnswer: String { "no answer within \(connectTimeout.words)" }
    }
}
