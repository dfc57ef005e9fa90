import ImmudbClient
import ImmudbProtocol
import NIOCore
import LyingServer
import RPCTransport
import SwiftProtobuf
import Synchronization

/// A server of immudb's wire that takes requests and does not answer them as it should.
final class UncertainServer: Sendable {
    /// What becomes of a request. A server that says who it is sends the identity with each answer.
    enum Behaviour: Sendable, CustomStringConvertible {
        case status(StatusCode)
        /// As a proxy sends it, which does not know the server's identity.
        case anonymousStatus(StatusCode)
        /// OK from a server with another identity.
        case otherServer
        case statusOfOtherServer(StatusCode)
        /// The same in one block of header fields, without initial headers.
        case bareStatusOfOtherServer(StatusCode)
        /// OK, with the index of the entry.
        case acknowledged(UInt64)
        /// OK, with bytes that are no message.
        case garbage
        case silence
        /// The connection is closed when the request's headers are there.
        case closedAtHeaders
        /// The connection is closed when the whole request is there.
        case closed
        /// RST_STREAM with this HTTP/2 error.
        case reset(UInt32)
        /// GOAWAY that says that the stream was not looked at.
        case goAway

        /// The client may send the request again.
        var refuses: Bool {
            switch self {
            case .reset(7), .goAway: true
            default: false
            }
        }

        var description: String {
            switch self {
            case .status(let code): "status \(code.name)"
            case .anonymousStatus(let code): "status \(code.name) without identity"
            case .otherServer: "OK of another server"
            case .statusOfOtherServer(let code): "status \(code.name) of another server"
            case .bareStatusOfOtherServer(let code): "bare status \(code.name) of another server"
            case .acknowledged(let index): "index \(index)"
            case .garbage: "garbage"
            case .silence: "silence"
            case .closedAtHeaders: "closed at the headers"
            case .closed: "closed"
            case .reset(let code): "RST_STREAM \(code)"
            case .goAway: "GOAWAY"
            }
        }
    }

    struct State {
        /// Of all requests but those of a connecting client.
        var behaviour = Behaviour.silence
        var exceptions: [String: Behaviour] = [:]
        /// Requests whose end has come, and that were not refused.
        var requestCount = 0
        /// Whether the frames of new requests are answered by the tap.
        var isTapping = false
    }

    private let state: SharedState
    private let server: RPCServer
    var port: Int { server.port }

    /// Shared with the connections' taps.
    final class SharedState: Sendable {
        let value = Mutex(State())
    }

    static func start() async throws -> UncertainServer {
        let state = SharedState()
        var configuration = RPCServer.Configuration(host: "127.0.0.1", port: 0)
        configuration.channelHook = { channel in
            try channel.pipeline.syncOperations.addHandler(RequestTap(state))
        }
        let others = ImmuService.methods.filter {
            !$0.streamsAnswers && ![ImmuService.health, ImmuService.currentRoot].contains($0.path)
        }
        let methods: [RPCMethod] = [
            .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                call.reply(
                    Immudb_Schema_HealthResponse.with { $0.status = true }, headers: identity)
            },
            .unary(ImmuService.currentRoot) { (_: Google_Protobuf_Empty, call) in
                call.reply(Immudb_Schema_Root(), headers: identity)
            },
        ]
        let server = try await RPCServer.start(
            configuration,
            methods: methods
                + others.map { method in
                    .unary(method.path) { (_: Google_Protobuf_Empty, call) in
                        let behaviour = state.value.withLock {
                            $0.exceptions[method.path] ?? $0.behaviour
                        }
                        answer(call, behaviour)
                    }
                })
        return UncertainServer(state: state, server: server)
    }

    private init(state: SharedState, server: RPCServer) {
        self.state = state
        self.server = server
    }

    private static let identity: Metadata = [
        ImmuMetadata.serverIdentity: LyingServer.identityText
    ]
    fileprivate static let otherIdentityText = "00000000000000000000"
    private static let otherIdentity: Metadata = [ImmuMetadata.serverIdentity: otherIdentityText]

    private static func answer(_ call: ServerCall, _ behaviour: Behaviour) {
        switch behaviour {
        case .status(let code): call.fail(code, "no", headers: identity)
        case .anonymousStatus(let code): call.fail(code, "no")
        case .otherServer: call.reply(Immudb_Schema_Index(), headers: otherIdentity)
        case .statusOfOtherServer(let code): call.fail(code, "no", headers: otherIdentity)
        case .acknowledged(let index):
            call.reply(Immudb_Schema_Index.with { $0.index = index }, headers: identity)
        case .garbage: call.reply(FramedBytes(repeating: 0xff, count: 3), headers: identity)
        case .silence, .bareStatusOfOtherServer, .closedAtHeaders, .closed, .reset, .goAway: break
        }
    }

    /// Whole requests since the last `behave`.
    var requestCount: Int { state.value.withLock { $0.requestCount } }

    /// - Parameter exceptions: by the paths of their methods.
    func behave(_ behaviour: Behaviour, _ exceptions: [String: Behaviour] = [:]) {
        state.value.withLock { state in
            state = State(behaviour: behaviour, exceptions: exceptions, isTapping: true)
        }
    }

    func stop() async { await server.shutdown(deadline: .zero) }
}

/// Sees the frames of a connection before the server does, and answers some itself.
private final class RequestTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let prefaceByteCount = 24
    private static let headByteCount = 9

    private let state: UncertainServer.SharedState
    private var input = ByteBuffer()
    private var hasPassedPreface = false

    init(_ state: UncertainServer.SharedState) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        if !hasPassedPreface, let preface = input.readSlice(length: Self.prefaceByteCount) {
            hasPassedPreface = true
            context.fireChannelRead(wrapInboundOut(preface))
        }
        while hasPassedPreface, let frame = nextFrame() { take(frame, context) }
    }

    private func nextFrame() -> ByteBuffer? {
        guard let head = input.getInteger(at: input.readerIndex, as: UInt32.self) else {
            return nil
        }
        return input.readSlice(length: Self.headByteCount + Int(head >> 8))
    }

    private func take(_ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        let at = frame.readerIndex
        let type = frame.getInteger(at: at + 3, as: UInt8.self)
        let flags = frame.getInteger(at: at + 4, as: UInt8.self) ?? 0
        let stream = frame.getInteger(at: at + 5, as: UInt32.self) ?? 0
        let (isHeaders, isData) = (type == 1, type == 0)
        let isEnd = isData && flags & 1 != 0
        let behaviour = state.value.withLock { state -> UncertainServer.Behaviour? in
            guard state.isTapping, isHeaders || isData else { return nil }
            if isEnd, !state.behaviour.refuses { state.requestCount += 1 }
            return state.behaviour
        }
        switch behaviour {
        case .reset(let code)?:
            if isHeaders { send(3, stream: stream, [code], context) }
        case .goAway?:
            if isHeaders { send(7, stream: 0, [0, 0], context) }
        case .bareStatusOfOtherServer(let code)?:
            if isEnd { send(status: code, stream: stream, context) }
        case .closedAtHeaders?: context.close(promise: nil)
        case .closed?:
            if isEnd { context.close(promise: nil) }
        default: context.fireChannelRead(wrapInboundOut(frame))
        }
    }

    private func send(
        _ type: UInt8, stream: UInt32, _ payload: [UInt32], _ context: ChannelHandlerContext
    ) {
        var bytes = ByteBuffer()
        for number in payload { bytes.writeInteger(number) }
        send(type, flags: 0, stream: stream, bytes, context)
    }

    /// HEADERS that end the stream.
    private func send(status: StatusCode, stream: UInt32, _ context: ChannelHandlerContext) {
        var block = ByteBuffer()
        for (name, value) in [
            (":status", "200"), ("content-type", "application/grpc"),
            (ImmuMetadata.serverIdentity, UncertainServer.otherIdentityText),
            ("grpc-status", "\(status.rawValue)"),
        ] {
            // Literals that are not indexed.
            block.writeInteger(UInt8(0))
            for text in [name, value] {
                block.writeInteger(UInt8(text.utf8.count))
                block.writeString(text)
            }
        }
        send(1, flags: 5, stream: stream, block, context)
    }

    private func send(
        _ type: UInt8, flags: UInt8, stream: UInt32, _ payload: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        var frame = ByteBuffer()
        frame.writeInteger(UInt32(payload.readableBytes) << 8 | UInt32(type))
        frame.writeInteger(flags)
        frame.writeInteger(stream)
        frame.writeImmutableBuffer(payload)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}
