import CNghttp2
import NIOCore

/// The owner of a connection, which nghttp2 and the channel notify.
///
/// Its methods are called on the channel's event loop, most of them with nghttp2 on the stack: they may submit frames,
/// but never send or close (see `HTTP2Connection`).
protocol HTTP2Delegate: AnyObject {
    // MARK: frames that arrived

    func beganHeaders(stream: Int32, category: nghttp2_headers_category)
    func receivedHeader(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>)
    func receivedData(stream: Int32, bytes: UnsafeRawBufferPointer)
    func receivedFrame(_ header: nghttp2_frame_hd, _ frame: UnsafePointer<nghttp2_frame>)
    func closedStream(_ stream: Int32, http2Error: UInt32)

    // MARK: frames that leave

    func sentFrame(_ header: nghttp2_frame_hd)
    func couldNotSend(_ header: nghttp2_frame_hd)
    /// Returns how many bytes of a stream's body go into the next DATA frame, at most `limit`.
    func nextBody(of stream: Int32, limit: Int) -> HTTP2Body
    /// Moves the next `count` bytes of a stream's body to `frames`.
    func writeBody(of stream: Int32, count: Int, to frames: inout ByteBuffer)

    // MARK: the connection

    /// The largest size of one block's fields, with 32 bytes more for each. A block of more than eight times this size
    /// ends the connection, since bytes that refer to fields sent earlier can expand to thousands of times their
    /// number. Never changes.
    var headerLimit: Int { get }
    /// Called once when the block that is being received exceeds the limit. Returns false if the connection must end.
    func tolerateLargeBlock() -> Bool
    /// Called when the block exceeds eight times the limit: the connection is about to end.
    func blockIsTooLarge()
    /// Makes the session with `user` as its user data and submits the first SETTINGS. Returns nil if there is no
    /// memory.
    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer?
    /// The largest number of frames that may wait for a peer that reads nothing.
    var maxQueuedFrameCount: Int { get }
    /// Called when all pending frames were sent. Returns true if it submitted more.
    func sentAllPending() -> Bool
    /// Called when nothing more can be sent now; about `queuedByteCount` bytes, besides bodies, wait for the socket.
    func stoppedSending(queuedByteCount: Int)
    /// The session is gone. Called once, some time after the channel has closed; nothing is called after it.
    func connectionEnded(_ error: (any Error)?)
}

/// The next part of a stream to send.
enum HTTP2Body {
    /// This many bytes, and more may follow.
    case part(Int)
    /// This many bytes, which end the body: trailers follow if they were submitted, else the stream ends.
    case last(Int, hasTrailers: Bool)
    /// Nothing until `nghttp2_session_resume_data` is called for the stream.
    case later
}
