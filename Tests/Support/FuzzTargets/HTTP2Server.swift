import Foundation
import RPCTransport
import SwiftProtobuf

/// Sends arbitrary bytes and frames to a server: it continues to read or closes the connection, and
/// always serves the next client.
///
/// The first byte selects how they are sent: unchanged, or as frames after a valid beginning.
func fuzzServer(_ bytes: [UInt8]) throws {
    let server = try ServerUnderFuzz.shared.get()
    var input = FuzzInput(bytes)
    let mode = input.byte()
    do {
        let socket = try Socket(connectingTo: server.port)
        if mode & 3 == 3 {
            socket.write(input.all())
            socket.endWriting()
        } else if mode & 3 == 2 {
            socket.write(Frames.preface + input.all())
            socket.endWriting()
        } else {
            var frames = Frames.preface + Frames.frame(4, 0, 0, [])
            while !input.isAtEnd {
                frames += Frames.next(&input, ServerUnderFuzz.head)
                // Sometimes writes separately, so that frames are split and joined.
                if mode & 4 != 0 {
                    socket.write(frames)
                    frames = []
                }
            }
            socket.write(frames + Frames.frame(6, 0, 0, Frames.mark))
        }
        if mode & 8 == 0 { try readToMark(socket) }
    }
    try server.expectService(afterConnections: 64)
}

/// Reads until the mark comes back or the connection ends; one of the two must happen. If the last
/// frame is incomplete, the server takes the mark for a part of it: the connection then ends when
/// the server sees that the client has ended.
private func readToMark(_ socket: Socket) throws {
    var reader = FrameReader()
    let end = ContinuousClock.now + .seconds(patienceSeconds)
    var hasEnded = false
    while true {
        if let more = socket.read(withinMilliseconds: hasEnded ? patienceSeconds * 1_000 : 50) {
            reader.add(more)
            while let frame = reader.next() {
                let isAnswer = frame.type == 6 && frame.flags & 1 == 1
                if isAnswer, Array(frame.payload) == Frames.mark { return }
            }
        } else if hasEnded {
            return try require(
                socket.isReadable(withinMilliseconds: 0),
                "a connection stays after its client's end")
        } else {
            socket.endWriting()
            hasEnded = true
        }
        try require(.now < end, "no end of what the server sends")
    }
}

/// A server with a handler of each kind and small limits, for all inputs of a process.
final class ServerUnderFuzz: Sendable {
    static let shared = Result { try ServerUnderFuzz() }

    private static let methods = [
        "Echo", "Inline", "Blocking", "Meta", "Fail", "Count", "None", "Walk",
    ]

    private let server: RPCServer
    private let client: RPCClient
    private let connections = Counter()
    var port: Int { server.port }

    private init() throws {
        var configuration = RPCServer.Configuration()
        configuration.maxReceiveMessageByteCount = 64 << 10
        configuration.maxBufferedRequestByteCount = 1 << 20
        configuration.maxHeldAnswerByteCount = 1 << 20
        configuration.maxConcurrentStreams = 8
        configuration.windowByteCount = 64 << 10
        configuration.maxHeaderByteCount = 4096
        configuration.initialHeaders = ["server-id": "fuzzed"]
        configuration.observer = { _ in NoObserver() }
        let settings = configuration
        server = try wait { try await RPCServer.start(settings, methods: Self.handlers) }
        client = RPCClient(.init(host: "127.0.0.1", port: server.port))
    }

    private static var handlers: [RPCMethod] {
        typealias Bytes = Google_Protobuf_BytesValue
        return [
            .unary("/f.F/Echo") { (request: Bytes, call) in call.reply(request) },
            .unary("/f.F/Inline", on: .eventLoop) { (request: Bytes, call) in call.reply(request) },
            .unary("/f.F/Blocking", on: .bulk) { (request: Bytes, call) in
                call.answerLarge(byteCount: request.value.count) { $0.reply(request) }
            },
            .unary("/f.F/Walk", on: .walks, measure: { $0.count }) { (request: Bytes, call) in
                call.reply(request)
            },
            .unary("/f.F/Meta") { (request: Bytes, call) in
                call.reply(request, headers: call.metadata, trailers: call.metadata)
            },
            .unary("/f.F/Fail") { (request: Bytes, call) in
                call.fail(.aborted, String(decoding: request.value, as: UTF8.self))
            },
            .serverStreaming("/f.F/Count") { (request: Bytes, stream) in
                for _ in 0..<request.value.count { try await stream.send(request) }
            },
            .conversation("/f.F/Converse") { (question: Bytes) throws(RPCError) -> Bytes in
                question
            },
        ]
    }

    /// Makes a header block: the fields of a request, some that gRPC knows with values from the
    /// input, and others from the input.
    static func head(_ input: inout FuzzInput) -> [UInt8] {
        let choice = input.byte()
        var head = Frames.request(
            "/f.F/\(choice >= 0xf0 ? "Converse" : methods[Int(choice) % methods.count])")
        let names = [
            "grpc-timeout", "x-bin", "grpc-encoding", "x", "grpc-accept-encoding", ":path", "te",
        ]
        for _ in 0..<(input.byte() & 7) {
            let which = input.byte()
            let name =
                Int(which & 0x3f) < names.count
                ? Array(names[Int(which & 0x3f)].utf8) : input.chunk()
            head += Frames.field(name, input.chunk(), isIndexed: which & 0x80 != 0)
        }
        return choice & 0x80 == 0 ? head : Array(head.dropFirst(Int(input.byte()) % head.count))
    }

    /// Checks, after every `count` connections, that an honest call is answered and the others hold
    /// nothing.
    func expectService(afterConnections count: Int) throws {
        guard connections.next() % count == 0 else { return }
        // First, since each open connection may keep a chunk of the small pool of requests.
        try require(
            soon { server.connectionCount <= 1 },
            "\(server.connectionCount - 1) connections do not end")
        let content = Data("honest".utf8)
        let answer = try wait { [client] in
            try await client.unary(
                "/f.F/Echo", Google_Protobuf_BytesValue(content), timeout: .seconds(patienceSeconds)
            )
                as RPCResponse<Google_Protobuf_BytesValue>
        }
        try require(answer.message.value == content, "an honest client got another answer")
        try require(
            soon { server.heldAnswerByteCount == 0 },
            "\(server.heldAnswerByteCount) bytes of answers leak")
        // The honest client's connection keeps up to two chunks of 64 KiB at hand.
        try require(
            soon { server.heldRequestByteCount <= 128 << 10 },
            "\(server.heldRequestByteCount) bytes of requests leak")
    }
}

private final class NoObserver: RPCServer.CallObserver {
    func began(_ method: RPCMethod) {}
    func ended(_ call: RPCServer.FinishedCall) {}
}
