import DequeModule
import Foundation
import HTTPTypes
import ImmudbClient
import ImmudbProtocol
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization

// The standard handlers: each request makes one call to immudb, and the answer is written as protobuf's JSON.

extension Route {
    /// Makes a route whose body is the request of a remote procedure.
    static func standard<Request: Message, Answer: Message>(
        _ path: String, _ procedure: String, _ shape: MessageShape<Request>,
        answering answer: SchemaDescription, as _: Answer.Type, _ summary: String
    ) -> Route {
        Route(
            .post, path, procedure, body: shape.schema, answer: .message(answer), summary
        ) { request, core in
            let reply: Reply = try await core.call(
                procedure, try await request.message(shape), Answer.self, request)
            return reply
        }
    }

    /// Makes a route without a body: the path contains the request, or the request is empty.
    static func standard<Request: Message, Answer: Message>(
        _ path: String, parameter: Parameter? = nil, _ procedure: String,
        answering answer: SchemaDescription, as _: Answer.Type, _ summary: String,
        _ message: @escaping @Sendable (GatewayRequest) throws -> Request
    ) -> Route {
        Route(
            .get, path, parameter: parameter, procedure, answer: .message(answer), summary
        ) { request, core in
            try await core.call(procedure, try message(request), Answer.self, request)
        }
    }
}

extension GatewayCore {
    /// Makes a call, and writes its answer as JSON.
    fileprivate nonisolated(nonsending) func call<Request: Message, Answer: Message>(
        _ procedure: String, _ message: Request, _: Answer.Type, _ request: GatewayRequest
    ) async throws -> Reply {
        let answer: RPCResponse<Answer> = try await upstream.call(procedure, message, request)
        return Reply(.bytes(try Self.json(answer.message)), Self.headers(answer.headers))
    }

    /// Writes an answer as protobuf's JSON.
    static func json(_ message: some Message) throws -> ByteBuffer {
        // Writing an entry with the library takes 3 % of the time of a request.
        if let item = message as? Immudb_Schema_Item { return json(item) }
        let bytes: [UInt8] = try message.jsonUTF8Bytes(options: jsonOptions)
        return ByteBuffer(bytes: bytes)
    }

    private static func json(_ item: Immudb_Schema_Item) -> ByteBuffer {
        var text = JSONText()
        text.object { text in
            if !item.key.isEmpty { text.field("key", data: item.key) }
            if !item.value.isEmpty { text.field("value", data: item.value) }
            if item.index != 0 { text.field("index", string: String(item.index)) }
        }
        return text.buffer
    }

    static let jsonOptions = {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        return options
    }()

    /// Returns the answer's headers as `Grpc-Metadata-…`.
    static func headers(_ metadata: Metadata) -> HTTPFields {
        var fields: HTTPFields = [.grpcContentType: "application/grpc"]
        for field in metadata.fields {
            // immudb sends only this one, whose name is prepared.
            let isIdentity = field.name == ImmuMetadata.serverIdentity
            guard let name = isIdentity ? .serverIdentity : HTTPField.Name(named(field.name))
            else { continue }
            let value: String =
                switch field.value {
                case .text(let text): text
                case .binary(let bytes): Data(bytes).base64EncodedString()
                }
            guard HTTPField.isValidValue(value) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return fields
    }

    /// Returns `immudb-uuid` as `Grpc-Metadata-Immudb-Uuid`.
    private static func named(_ name: String) -> String {
        var last = UInt8(ascii: "-")
        let capitalized = name.utf8.map { byte in
            defer { last = byte }
            let isFirst = last == UInt8(ascii: "-")
            return isFirst && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                ? byte - 0x20 : byte
        }
        return "Grpc-Metadata-" + String(decoding: capitalized, as: UTF8.self)
    }
}

extension HTTPField.Name {
    fileprivate static let grpcContentType = HTTPField.Name("Grpc-Metadata-Content-Type")!
    /// The header field for ``ImmuMetadata/serverIdentity``.
    fileprivate static let serverIdentity = HTTPField.Name("Grpc-Metadata-Immudb-Uuid")!
}

extension Route {
    /// Streams all entries as lines that are written as they arrive, so the memory does not depend on the number of
    /// entries.
    static let dump = Route(
        .post, "dump", ImmuService.dump, body: Shapes.empty.schema,
        answer: .lines(AnswerSchemas.pairs), "All entries, in insertion order."
    ) { request, core in
        let _: Google_Protobuf_Empty = try await request.message(Shapes.empty)
        let messages = try DumpedMessages(of: request, in: core.dumps)
        let answers: RPCResponseStream<Pb_KVList> = try await core.upstream.stream(
            ImmuService.dump, Google_Protobuf_Empty(), request, admit: messages.admit)
        // A refused call gets its own status, which is possible until the first message or the end of the stream.
        var iterator = answers.makeAsyncIterator()
        let first = try await iterator.next()
        return Reply(
            .lines(
                write: { write in
                    guard let first else { return }
                    try await write(line(first))
                    messages.wroteOne()
                    for try await list in answers {
                        try await write(line(list))
                        messages.wroteOne()
                    }
                }, cancel: { answers.cancel() }), GatewayCore.headers(answers.headers))
    }

    private static func line(_ list: Pb_KVList) throws -> ByteBuffer {
        let json: [UInt8] = try list.jsonUTF8Bytes(options: GatewayCore.jsonOptions)
        var line = ByteBuffer()
        line.reserveCapacity(json.count + 12)
        line.writeStaticString("{\"result\":")
        line.writeBytes(json)
        line.writeStaticString("}\n")
        return line
    }
}

/// Counts the memory of a dump's unwritten messages, and the dump itself as a running one.
private final class DumpedMessages: Sendable {
    private let request: GatewayRequest
    private let dumps: HostShares
    /// The counted bytes of each message, in order.
    private let counts = Mutex(Deque<Int>())

    /// - Throws: `GatewayError` if too many dumps are running.
    init(of request: GatewayRequest, in dumps: HostShares) throws {
        guard dumps.admit(request.connection.host) else {
            throw GatewayError(.resourceExhausted, "too many dumps are running: try again later")
        }
        self.request = request
        self.dumps = dumps
    }

    deinit { dumps.forget(request.connection.host) }

    /// Counts a message before it is received: as received, decoded, and twice as JSON.
    @Sendable func admit(_ byteCount: Int) -> Bool {
        let count = 4 * byteCount
        guard request.room.grow(by: count) else { return false }
        counts.withLock { $0.append(count) }
        return true
    }

    /// Releases the memory of the oldest message.
    func wroteOne() { request.room.shrink(by: counts.withLock { $0.popFirst() } ?? 0) }
}
