import CNghttp2

/// How often a client may do what costs the server more than it costs the client. The figures are those of
/// `Admission`. Event loop only; each function returns false when the connection has to end.
struct FrameLimits {
    private static var pingLimit: RateLimit { RateLimit(burst: 1_000, perSecond: 10) }

    private var resets: RateLimit
    /// Blocks of header fields beyond the limit: 4 MB at once, then 4 MB a second.
    private var largeBlocks = RateLimit(burst: 32, perSecond: 32)
    /// nghttp2 looks at every stream for one.
    private var settings = RateLimit(burst: 100, perSecond: 10)
    /// PINGs with no other frame between them: those are a flood, however few come with a read.
    private var pings = FrameLimits.pingLimit
    private var hasPinged = false

    init(_ configuration: RPCServer.Configuration) {
        resets = RateLimit(
            burst: max(0, configuration.resetBurst),
            perSecond: max(0, configuration.resetsPerSecond))
    }

    /// A reset that the client's mistakes made this side send, which costs as much as its own.
    mutating func takeReset() -> Bool { resets.take() }

    mutating func takeLargeBlock() -> Bool { largeBlocks.take() }

    /// A frame that arrived.
    mutating func take(_ header: nghttp2_frame_hd) -> Bool {
        let isAsking = header.flags & HTTP2.ack == 0
        if header.type == HTTP2.ping, isAsking {
            hasPinged = true
            return pings.take()
        }
        if hasPinged {
            hasPinged = false
            pings = Self.pingLimit
        }
        return header.type == HTTP2.settings && isAsking ? settings.take() : true
    }
}
