import CNghttp2

/// Limits frames that cost the server more than the client. `Admission` explains the figures. Event loop only; each
/// function returns false if the connection must end.
struct FrameLimits {
    private static var pingLimit: RateLimit { RateLimit(burst: 1_000, perSecond: 10) }

    private var resets: RateLimit
    /// Blocks of header fields that exceed the limit: 4 MB at once, then 4 MB a second.
    private var largeBlocks = RateLimit(burst: 32, perSecond: 32)
    /// SETTINGS frames, for each of which nghttp2 looks at every stream.
    private var settings = RateLimit(burst: 100, perSecond: 10)
    /// PINGs with no other frame between them: a flood, however few arrive in one read.
    private var pings = FrameLimits.pingLimit
    private var hasPinged = false

    init(_ configuration: RPCServer.Configuration) {
        resets = RateLimit(
            burst: max(0, configuration.resetBurst),
            perSecond: max(0, configuration.resetsPerSecond))
    }

    /// Counts a reset: the client's own, or one that its mistakes made the server send, which costs as much.
    mutating func takeReset() -> Bool { resets.take() }

    mutating func takeLargeBlock() -> Bool { largeBlocks.take() }

    /// Counts a frame that has arrived.
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
