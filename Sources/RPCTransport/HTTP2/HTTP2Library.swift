import CNghttp2
import NIOCore

/// nghttp2's table of callbacks: made once, never changed, used by every session.
///
/// Callbacks are C functions and capture nothing. `user_data` carries the object to call, unretained, see
/// `HTTP2Callee`. The connection deletes its session before it is freed, so no callback can come later.
// Unchecked: nghttp2 copies the table into each session and never writes to it.
struct HTTP2Callbacks: @unchecked Sendable {
    let pointer: OpaquePointer

    static let shared = HTTP2Callbacks()

    private init() {
        var table: OpaquePointer?
        nghttp2_session_callbacks_new(&table)
        guard let table else { preconditionFailure("no memory for nghttp2's callbacks") }
        pointer = table
        nghttp2_session_callbacks_set_on_begin_frame_callback(table) { _, header, user in
            guard let header else { return 0 }
            HTTP2Callee.with(user) { $0.beganFrame(type: header.pointee.type) }
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, user in
            guard let frame else { return 0 }
            let header = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self)
            HTTP2Callee.with(user) {
                $0.beganHeaders(
                    stream: header.stream_id, category: frame.pointee.headers.cat)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, _, name, nameCount, value, valueCount, _, user in
            let goesOn = HTTP2Callee.with(user) {
                $0.receivedHeader(
                    name: UnsafeBufferPointer(start: name, count: nameCount),
                    value: UnsafeBufferPointer(start: value, count: valueCount))
            }
            return goesOn ? 0 : Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        // A field that nghttp2 leaves out, for an invalid character. It counts like any other.
        nghttp2_session_callbacks_set_on_invalid_header_callback(table) {
            _, _, _, nameCount, _, valueCount, _, user in
            let goesOn = HTTP2Callee.with(user) { $0.countField(nameCount + valueCount) }
            return goesOn ? 0 : Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) {
            _, _, stream, bytes, count, user in
            HTTP2Callee.with(user) {
                $0.delegate.receivedData(
                    stream: stream, bytes: UnsafeRawBufferPointer(start: bytes, count: count))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, user in
            guard let frame else { return 0 }
            let header = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self)
            HTTP2Callee.with(user) { $0.receivedFrame(header, frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, user in
            guard let frame else { return 0 }
            let header = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self)
            HTTP2Callee.with(user) { $0.delegate.sentFrame(header) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(table) { _, frame, _, user in
            guard let frame else { return 0 }
            let header = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self)
            HTTP2Callee.with(user) { $0.delegate.couldNotSend(header) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, user in
            HTTP2Callee.with(user) { $0.delegate.closedStream(stream, http2Error: code) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(table) {
            _, frame, header, count, _, user in
            guard let frame, let header else { return 0 }
            let stream = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self).stream_id
            let hasRoom = HTTP2Callee.with(user) {
                $0.connection.writeData(
                    stream: stream, header: header, count: count,
                    padding: frame.pointee.data.padlen)
            }
            // Otherwise nghttp2 would continue for as long as the windows allow.
            return hasRoom ? 0 : Int32(NGHTTP2_ERR_PAUSE.rawValue)
        }
    }
}

/// nghttp2's options for one server or one client; sessions copy them.
final class HTTP2Options: @unchecked Sendable {  // written by `init` only
    let pointer: OpaquePointer

    init(_ configure: (OpaquePointer) -> Void) {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        guard let options else { preconditionFailure("no memory for nghttp2's options") }
        // Without the priority tree of RFC 7540, nghttp2 need not keep closed streams.
        nghttp2_option_set_no_closed_streams(options, 1)
        // Spaces around a value are legal in gRPC, and stripped when it is read.
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
        configure(options)
        pointer = options
    }

    deinit { nghttp2_option_del(pointer) }
}

/// The settings of RFC 9113, section 6.5.2, that this side sends.
enum HTTP2Setting {
    static let enablePush: Int32 = 2
    static let maxConcurrentStreams: Int32 = 3
    static let initialWindowByteCount: Int32 = 4
    static let maxHeaderListByteCount: Int32 = 6
    static let noPriorities: Int32 = 9
}

/// Frame types and error codes of RFC 9113.
enum HTTP2 {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let resetStream: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let continuation: UInt8 = 9

    static let noError: UInt32 = 0
    static let protocolError: UInt32 = 1
    static let refusedStream: UInt32 = 7
    static let cancel: UInt32 = 8
    static let enhanceYourCalm: UInt32 = 11
    static let inadequateSecurity: UInt32 = 12

    static let ack = UInt8(truncatingIfNeeded: NGHTTP2_FLAG_ACK.rawValue)
    static let endStream = UInt8(truncatingIfNeeded: NGHTTP2_FLAG_END_STREAM.rawValue)
    static let none = UInt8(truncatingIfNeeded: NGHTTP2_FLAG_NONE.rawValue)
}
