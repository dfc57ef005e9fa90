public import NIOCore
import NIOPosix
import POSIX

extension RPCClient {
    /// Where the server is, and how long to wait for what.
    public struct Configuration: Sendable {
        /// A name or an address, without brackets.
        public var host: String
        public var port: Int

        /// A larger answer ends its call with RESOURCE_EXHAUSTED as soon as its length is known.
        public var maxReceiveMessageByteCount = 32 << 20
        /// Decoded header bytes of one answer, each field counted with 32 more.
        public var maxHeaderByteCount = 64 << 10
        /// Bytes of a streaming call's answers that are taken before the application has asked for
        /// them.
        public var windowByteCount = 1 << 20

        /// From the first packet to the server's first SETTINGS frame.
        public var connectTimeout = Duration.seconds(10)
        /// After a failed attempt: the pause before the next; it grows by 1.6 with each failure, to
        /// `maxBackoff`, and varies by a fifth. Calls that are made during the pause fail at once
        /// with the reason of the failure.
        public var initialBackoff = Duration.milliseconds(50)
        public var maxBackoff = Duration.seconds(5)
        /// Whether calls outlast failed attempts to connect: they wait until their own timeout.
        public var waitForReady = false

        /// While calls are in flight and nothing arrives for that long, the server is asked for a
        /// sign of life; without one within `keepaliveTimeout` the connection is given up. Other
        /// gRPC servers take intervals below five minutes for abuse.
        public var keepaliveInterval = Duration.seconds(300)
        public var keepaliveTimeout = Duration.seconds(20)
        /// A call that passes its deadline makes the client ask for a sign of life at once, if nothing
        /// has arrived for that long.
        var suspicion = Duration.seconds(5)
        /// A server that reads nothing for that long, and for `keepaliveTimeout`, is given up: as long
        /// as a server gives a client that does not read.
        var stalledWriteTimeout = Duration.seconds(60)

        /// nil: without TLS.
        public var tls: ClientTLS?
        /// Runs on the event loop of each new connection before the transport's own handlers are
        /// added. Throwing fails the attempt to connect.
        public var channelHook: (@Sendable (any Channel) throws -> Void)?

        /// Gives a connected socket for each attempt to connect; nil: by the network, to host and port.
        var connector: (@Sendable () throws(RPCError) -> NIOBSDSocket.Handle)?
        /// Makes what finds the addresses of a name, for one attempt to connect; nil: getaddrinfo.
        var makeResolver: (@Sendable (any EventLoop) -> any Resolver & Sendable)?

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// A client of a server in the same process: no port, no TLS, and every call's
        /// ``ServerCall/peerAddress`` is ``RPCServer/inProcessAddress``.
        public init(inProcess server: RPCServer) {
            self.init(host: RPCServer.inProcessAddress, port: 0)
            connector = { () throws(RPCError) in try server.connectInProcess() }
        }

        /// `host:port`, for `:authority` and messages.
        var authority: String { connector == nil ? hostAndPort(host, port) : host }

        /// For messages about a server from which nothing has come.
        var noAnswer: String { "no answer within \(connectTimeout.words)" }
    }
}
