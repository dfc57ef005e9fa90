import CNghttp2
import Synchronization

/// Submits the header blocks of answers to nghttp2.
///
/// An answer with a message is HEADERS, DATA, HEADERS. One without a message is HEADERS, HEADERS if the server or the
/// handler has headers to send (clients report those of an answer in a single frame as trailers), else a single
/// HEADERS.
struct ResponseFrames {
    let session: OpaquePointer
    let core: ServerCore
    /// Those of the connection: they stay the same on it.
    private let initial: InitialHeaders

    init(session: OpaquePointer, core: ServerCore) {
        self.session = session
        self.core = core
        initial = core.initialHeaders.withLock { $0 }
    }

    /// Submits HEADERS, and DATA that the connection's delegate supplies.
    func submitHeaders(_ headers: Metadata, stream: Int32) {
        var provider = HTTP2Connection.bodyProvider()
        withInitialFields(headers) { fields, count in
            _ = nghttp2_submit_response(session, stream, fields, count, &provider)
        }
    }

    func submitTrailers(_ status: Answer.Status?, stream: Int32) {
        if let status {
            trailers(of: status).withFields { _ = nghttp2_submit_trailer(session, stream, $0, $1) }
        } else {
            let fields = core.okTrailers.fields
            nghttp2_submit_trailer(session, stream, fields.baseAddress, fields.count)
        }
    }

    /// Submits an answer without a message.
    func submitStatus(_ status: Answer.Status, stream: Int32) {
        if let httpStatus = status.httpStatus {
            submitHTTPRefusal(httpStatus, status, stream: stream)
        } else if initial.own.isEmpty, status.headers.isEmpty {
            let fixed = UnsafeBufferPointer(initial.fields.fields)
            trailers(of: status).withFields(after: fixed) {
                _ = nghttp2_submit_response(session, stream, $0, $1, nil)
            }
        } else {
            withInitialFields(status.headers) { fields, count in
                _ = nghttp2_submit_headers(session, HTTP2.none, stream, nil, fields, count, nil)
            }
            submitTrailers(status, stream: stream)
        }
    }

    /// Refuses a request that is not gRPC. The gRPC status is for clients that read it nevertheless.
    private func submitHTTPRefusal(_ httpStatus: Int, _ status: Answer.Status, stream: Int32) {
        var block = HeaderBlock()
        block.add(":status", "\(httpStatus)")
        block.add("content-type", "application/grpc")
        block.add(initial.own)
        if httpStatus == 405 { block.add("allow", "POST") }
        block.add("grpc-status", "\(status.code.rawValue)")
        block.add("grpc-message", WireText.percentEncoded(status.text), isUnique: true)
        block.withFields { _ = nghttp2_submit_response(session, stream, $0, $1, nil) }
    }

    private func withInitialFields(
        _ headers: Metadata, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Void
    ) {
        let fixed = UnsafeBufferPointer(initial.fields.fields)
        if headers.isEmpty {
            body(fixed.baseAddress, fixed.count)
        } else {
            var block = HeaderBlock()
            block.add(headers)
            block.withFields(after: fixed, body)
        }
    }

    private func trailers(of status: Answer.Status) -> HeaderBlock {
        var block = HeaderBlock()
        block.add("grpc-status", "\(status.code.rawValue)")
        if !status.text.isEmpty {
            block.add("grpc-message", WireText.percentEncoded(status.text), isUnique: true)
        }
        if status.namesEncodings { block.add("grpc-accept-encoding", "identity") }
        block.add(status.trailers)
        return block
    }
}
