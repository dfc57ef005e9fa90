import CNghttp2
import NIOCore

/// What the owner of a connection is told by nghttp2 and the channel.
///
/// Called on the channel's event loop, most of it with nghttp2 on the stack: it may submit frames,
/// but never sends or closes (see `HTTP2Connection`).
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
    /// How much of a stream's body goes into the next DATA frame, at most `limit` bytes.
    func nextBody(of stream: Int32, limit: Int) -> HTTP2Body
    /// Moves the next `count` bytes of a stream's body to `frames`.
    func writeBody(of stream: Int32, count: Int, to frames: inout ByteBuffer)

    // MARK: the connection

    /// To the fields of one block, with 32 bytes more each. What exceeds it eight times ends the
    /// connection, since bytes that refer to fields sent before can make thousands of times as many.
    /// Never changes.
    var headerLimit: Int { get }
    /// The block that is being received exceeds the limit; asked once. Returns false if the connection
    /// has to end.
    func tolerateLargeBlock() -> Bool
    /// It exceeds it eight times: the connection is about to end.
    func blockIsTooLarge()
    /// Makes the session with `user` as its user data and submits the first SETTINGS; nil when
    /// there is no memory.
    func makeSession(user: UnsafeMutableRawPointer) -> OpaquePointer?
    /// Frames that may wait for a peer that reads nothing.
    var maxQueuedFrameCount: Int { get }
    /// Everything that could be sent was sent; returns true when it submitted more.
    func sentAllPending() -> Bool
    /// Nothing more can be sent now; about so many bytes, beside bodies, wait for the socket.
    func stoppedSending(queuedByteCount: Int)
    /// The session is gone; called once, some time after the channel has closed, and nothing after it.
    func connectionEnded(_ error: (any Error)?)
}

/// What a stream has to send.
enum HTTP2Body {
    /// So many bytes, and more may follow.
    case part(Int)
    /// So many bytes, which end the body: trailers follow if they were submitted, else the stream ends.
    case last(Int, hasTrailers: Bool)
    /// Nothing until `nghttp2_session_resume_data` is called for the stream.
    case later
}
