import DequeModule
import Foundation
import HTTPTypes
import ImmudbClient
import ImmudbProtocol
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization

// The standard handlers: a request is made one call of immudb, and its answer is written as protobuf's JSON.

extension Route {
    /// A route whose body is the request of a remote procedure.
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

    /// A route without a body: the path has all of the request, or there is nothing to say.
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
        // To write an entry by the library takes 3 % of a request for one.
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

    /// The answer's headers as `Grpc-Metadata-…`.
    static func headers(_ metadata: Metadata) -> HTTPFields {
        var fields: HTTPFields = [.grpcContentType: "application/grpc"]
        for field in metadata.fields {
            // The only one that immudb sends needs no work.
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

    /// `immudb-uuid` as `Grpc-Metadata-Immudb-Uuid`.
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
    /// That of ``ImmuMetadata/serverIdentity``.
    fileprivate static let serverIdentity = HTTPField.Name("Grpc-Metadata-Immudb-Uuid")!
}

extension Route {
    /// All entries, as lines that are written as they come: what the gateway holds of them does not depend on how many
    /// there are.
    static let dump = Route(
        .post, "dump", ImmuService.dump, body: Shapes.empty.schema,
        answer: .lines(AnswerSchemas.pairs), "All entries, in insertion order."
    ) { request, core in
        let _: Google_Protobuf_Empty = try await request.message(Shapes.empty)
        let messages = try DumpedMessages(of: request, in: core.dumps)
        let answers: RPCResponseStream<Pb_KVList> = try await core.upstream.stream(
            ImmuService.dump, Google_Protobuf_Empty(), request, admit: messages.admit)
        // A call that is refused has its own status: only after the first message, or a good end, is it too late for
        // that.
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

/// What a dump holds: its messages that are not written yet. It counts as one of the dumps that run.
private final class DumpedMessages: Sendable {
    private let request: GatewayRequest
    private let dumps: HostShares
    /// What was counted for each message, in their order.
    private let counts = Mutex(Deque<Int>())

    /// - Throws: `GatewayError` if too many dumps run.
    init(of request: GatewayRequest, in dumps: HostShares) throws {
        guard dumps.admit(request.connection.host) else {
            throw GatewayError(.resourceExhausted, "too many dumps are running: try again later")
        }
        self.request = request
        self.dumps = dumps
    }

    deinit { dumps.forget(request.connection.host) }

    /// Counts a message before it is received: itself, decoded, and as JSON, twice.
    @Sendable func admit(_ byteCount: Int) -> Bool {
        let count = 4 * byteCount
        guard request.room.grow(by: count) else { return false }
        counts.withLock { $0.append(count) }
        return true
    }

    /// Gives back what the oldest message took.
    func wroteOne() { request.room.shrink(by: counts.withLock { $0.popFirst() } ?? 0) }
}
