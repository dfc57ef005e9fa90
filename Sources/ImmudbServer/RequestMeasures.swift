import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf

extension RPCMethod {
    /// Returns a method whose requests are measured before they are decoded.
    ///
    /// - Parameters:
    ///   - elementLimit: the maximum number of elements in the request's list, if it has one.
    ///   - excess: the answer to a request with more elements.
    static func measured<Request: MeasuredRequest>(
        _ path: String, on execution: Execution = .points, elementLimit: Int = 0,
        excess: Refusal = Refusal(.invalidArgument, "the request has too many elements"),
        _ handler: @escaping @Sendable (Request, ServerCall) -> Void
    ) -> RPCMethod {
        unary(
            path, on: execution,
            measure: requestMeasure(Request.self, elementLimit: elementLimit, excess: excess),
            handler)
    }

    /// Returns a method with any number of answers, for requests without a list.
    static func measuredStreaming<Request: MeasuredRequest>(
        _ path: String, _ handler: @escaping @Sendable (Request, ServerStream) async throws -> Void
    ) -> RPCMethod {
        serverStreaming(path, measure: requestMeasure(Request.self), handler)
    }

    private static func requestMeasure<Request: MeasuredRequest>(
        _ type: Request.Type, elementLimit: Int = 0,
        excess: Refusal = Refusal(.invalidArgument, "the request has too many elements")
    ) -> RequestMeasure {
        { bytes throws(RPCError) in
            // Without a list, decoding adds few bytes, and the count of an open call covers them.
            if elementLimit == 0, bytes.count <= smallRequestByteCount { return 0 }
            do throws(RequestSize.Excess) {
                return try RequestSize(of: type, bytes, elementLimit: elementLimit).byteCount
            } catch {
                switch error {
                case .elements: throw RPCError(excess.code, excess.message)
                case .uselessFields:
                    throw RPCError(
                        .invalidArgument,
                        "the request has too many fields that \(type.protoMessageName) does not "
                            + "have, or has only once")
                }
            }
        }
    }
}

/// The largest request whose decoded form is covered by the bytes that are counted for each open
/// call (`Admission.callByteCount`).
private let smallRequestByteCount = 128

extension DatabaseService {
    /// The maximum number of keys of a GetBatch: the number of one-byte keys that fit into immudb
    /// 0.6's largest request of 4 MiB. Each takes 5 bytes: the key, and the tags and lengths of the
    /// key and its message.
    static let batchKeyLimit = (4 << 20) / 5

    /// The database's answer to a larger batch.
    static let tooManyEntries = Refusal(StoreError(.tooManyEntries, ""))

    static let tooManyKeys = Refusal(
        .resourceExhausted,
        "a request of more than \(batchKeyLimit) keys: ask for fewer keys at a time")
}
