import Foundation
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization

typealias BytesValue = Google_Protobuf_BytesValue
typealias StringValue = Google_Protobuf_StringValue
typealias Int64Value = Google_Protobuf_Int64Value
typealias BoolValue = Google_Protobuf_BoolValue
typealias Empty = Google_Protobuf_Empty

/// Reports the ends of calls.
final class EndObserver: RPCServer.CallObserver {
    let ended: @Sendable (RPCServer.FinishedCall) -> Void

    init(_ ended: @escaping @Sendable (RPCServer.FinishedCall) -> Void) { self.ended = ended }

    func began(_ method: RPCMethod) {}
    func ended(_ call: RPCServer.FinishedCall) { ended(call) }
}

/// The service `test.Peer` of these tests.
enum PeerServer {
    static func start(
        _ counters: Counters = Counters(),
        configure: (inout RPCServer.Configuration) -> Void = { _ in }
    ) async throws -> RPCServer {
        var configuration = RPCServer.Configuration()
        configuration.initialHeaders = ["server-id": "test-server"]
        configuration.channelHook = { channel in
            counters.connections.add(1, ordering: .relaxed)
            channel.closeFuture.whenComplete { _ in
                counters.connections.subtract(1, ordering: .relaxed)
            }
        }
        configure(&configuration)
        return try await RPCServer.start(configuration, methods: methods(counters))
    }

    static func methods(_ counters: Counters) -> [RPCMethod] {
        unaryMethods(counters) + streamingMethods(counters) + [
            // Answers a number with as many bytes; a number below 0 gets no answer.
            .conversation("/test.Peer/Converse") {
                (question: Int64Value) throws(RPCError) -> BytesValue in
                counters.questions.add(1, ordering: .relaxed)
                guard question.value >= 0 else { throw RPCError(.outOfRange, "below 0") }
                return BytesValue(Data(count: Int(question.value)))
            }
        ]
    }

    private static func unaryMethods(_ counters: Counters) -> [RPCMethod] {
        [
            .unary("/test.Peer/Echo") { (request: BytesValue, call) in call.reply(request) },
            .unary("/test.Peer/EchoInline", on: .eventLoop) { (request: BytesValue, call) in
                call.reply(request)
            },
            .unary("/test.Peer/EchoBlocking", on: .bulk) { (request: BytesValue, call) in
                call.reply(request)
            },
            .unary("/test.Peer/EchoWalk", on: .walks, measure: { $0.count }) {
                (request: BytesValue, call) in call.reply(request)
            },
            .unary("/test.Peer/Later") { (request: BytesValue, call) in
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(20)) {
                    call.reply(request)
                }
            },
            .unary("/test.Peer/Slow") { (request: BytesValue, call) in
                Thread.sleep(forTimeInterval: 0.1)
                call.reply(request)
            },
            .unary("/test.Peer/Large") { (request: Int64Value, call) in
                call.reply(BytesValue(Data(count: Int(request.value))))
            },
            .unary("/test.Peer/Effect") { (request: Int64Value, call) in
                call.noteEffect()
                call.reply(BytesValue(Data(count: Int(request.value))))
            },
            .unary("/test.Peer/Sized") { (request: Int64Value, call) in
                call.answerLarge(byteCount: Int(request.value)) { call in
                    call.reply(BytesValue(Data(count: Int(request.value))))
                }
            },
            .unary("/test.Peer/Fail") { (request: StringValue, call) in
                let parts = request.value.split(
                    separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                call.fail(StatusCode(rawValue: Int(parts[0]) ?? 2), String(parts[1]))
            },
            .unary("/test.Peer/FailMeta") { (_: Empty, call) in
                call.fail(
                    RPCError(
                        .dataLoss, "x", headers: ["early": "yes"], trailers: ["why": "because"]))
            },
            .unary("/test.Peer/Meta") { (_: Empty, call) in
                call.reply(Empty(), headers: call.metadata, trailers: call.metadata)
            },
            .unary("/test.Peer/Hold", on: .eventLoop) { (_: Empty, call) in
                counters.held.add(1, ordering: .relaxed)
                call.onCancel { counters.cancelled.add(1, ordering: .relaxed) }
            },
            .unary("/test.Peer/HasDeadline") { (_: Empty, call) in
                call.reply(BoolValue(call.deadline != nil))
            },
            .unary("/test.Peer/Twice") { (_: Empty, call) in
                call.reply(StringValue("first"))
                call.reply(StringValue("second"))
                call.fail(.internalError, "third")
            },
            .unary("/test.Peer/Counters") { (_: Empty, call) in
                call.reply(StringValue(counters.text))
            },
            .unary("/test.Peer/PeerAddress") { (_: Empty, call) in
                call.reply(StringValue(call.peerAddress))
            },
        ]
    }

    private static func streamingMethods(_ counters: Counters) -> [RPCMethod] {
        [
            .serverStreaming("/test.Peer/Count") { (request: Int64Value, stream) in
                stream.setHeaders(stream.metadata)
                for number in 0..<request.value { try await stream.send(Int64Value(number)) }
                stream.setTrailers(["count": "\(request.value)"])
            },
            .serverStreaming("/test.Peer/CountThenFail") { (request: Int64Value, stream) in
                for number in 0..<request.value { try await stream.send(Int64Value(number)) }
                throw RPCError(.aborted, "enough")
            },
            .serverStreaming("/test.Peer/Silent") { (_: Int64Value, stream) in
                defer { counters.streamsEnded.add(1, ordering: .relaxed) }
                try await stream.send(Int64Value(1))
                counters.streamed.add(1, ordering: .relaxed)
                // Waits for something other than its client.
                try await Task.sleep(for: .seconds(3_600))
            },
            .serverStreaming("/test.Peer/Endless") { (request: Int64Value, stream) in
                defer { counters.streamsEnded.add(1, ordering: .relaxed) }
                let message = BytesValue(Data(count: Int(request.value)))
                while true {
                    try await stream.send(message)
                    counters.streamed.add(1, ordering: .relaxed)
                }
            },
        ]
    }
}
