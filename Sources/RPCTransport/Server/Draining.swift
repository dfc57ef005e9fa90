import CNghttp2
import NIOCore

/// Ends a connection with two GOAWAYs (RFC 9113, section 6.8), so that no request in flight is lost. Event loop only;
/// the caller sends the frames that are submitted here.
struct Draining {
    private enum Phase {
        case no
        /// The client was told to open no more streams; those in flight are still accepted.
        case announced(NIODeadline)
        /// New streams are refused; the connection ends with the last one.
        case final
    }

    /// The PING between the two GOAWAYs: its acknowledgement shows that the client has read the first.
    private static let ping: [UInt8] = Array("draining".utf8)
    private static let pingTimeout = TimeAmount.seconds(1)

    private var phase = Phase.no

    var hasBegun: Bool {
        if case .no = phase { false } else { true }
    }

    /// Tells the client to open no more streams. Returns false if it was told before.
    mutating func begin(_ session: OpaquePointer) -> Bool {
        guard case .no = phase else { return false }
        phase = .announced(.now())
        nghttp2_submit_shutdown_notice(session)
        Self.ping.withUnsafeBufferPointer {
            _ = nghttp2_submit_ping(session, HTTP2.none, $0.baseAddress)
        }
        return true
    }

    /// Returns whether `ping` is the acknowledgement of this PING.
    static func isAnswer(_ ping: nghttp2_ping) -> Bool {
        withUnsafeBytes(of: ping.opaque_data) { $0.elementsEqual(Self.ping) }
    }

    /// Whether the client has not acknowledged the PING in time.
    func isOverdue(_ now: NIODeadline) -> Bool {
        guard case .announced(let since) = phase else { return false }
        return now - since > Self.pingTimeout
    }

    /// Refuses new streams. Returns false if the client was not told, or they are already refused.
    mutating func finish(_ session: OpaquePointer) -> Bool {
        guard case .announced = phase else { return false }
        phase = .final
        nghttp2_submit_goaway(
            session, HTTP2.none, nghttp2_session_get_last_proc_stream_id(session), HTTP2.noError,
            nil, 0)
        return true
    }
}
