import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf

extension RPCMethod {
    /// A method whose requests are measured before they are decoded.
    ///
    /// - Parameters:
    ///   - elementLimit: the most elements in the request's list, if it has one.
    ///   - excess: the answer to a request with more.
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

    /// The same with any number of answers; for requests without a list.
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
            // Without a list it holds its bytes and a little more, which an open call is counted with in any case.
            if elementLimit == 0, bytes.count <= smallRequestByteCount { return 0 }
            do throws(RequestSize.Excess) {
                return try RequestSize(of: type, bytes, elementLimit: elementLimit).byteCount
            } catch {
                switch error {
                case .elements: throw RPCError(excess.code, excess.message)
                case .uselessFields:
                    throw RPCError(
                        .invalidArgument,
                        "the request has too many fields that \(type.protoMessageName) has not, "
                            + "or has once")
                }
            }
        }
    }
}

/// A request of which decoding adds less than an open call is counted with (`Admission.callByteCount`).
private let smallRequestByteCount = 128

extension DatabaseService {
    /// The most keys of a GetBatch: as many keys of one byte as fit into the largest request of
    /// immudb 0.6, 4 MiB, each with its tag, its length, and those of its message.
    static let batchKeyLimit = (4 << 20) / 5

    /// What the database answers to a larger batch.
    static let tooManyEntries = Refusal(StoreError(.tooManyEntries, ""))

    static let tooManyKeys = Refusal(
        .resourceExhausted,
        "a request of more than \(batchKeyLimit) keys: ask for fewer keys at a time")
}
