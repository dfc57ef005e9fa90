import Foundation
import RPCTransport
import SwiftProtobuf
import Synchronization

/// Sends arbitrary bytes and frames from a server to our client: each call must end, with an answer
/// or an `RPCError`.
///
/// The first byte selects the call, and how the bytes are sent: at once and unchanged, or as frames
/// after a valid beginning, once the request has arrived.
func fuzzClient(_ bytes: [UInt8]) throws {
    let server = try HostileServer.shared.get()
    var input = FuzzInput(bytes)
    let mode = input.byte()
    server.script.withLock { $0 = HostileServer.Script(mode: mode, input: input) }
    var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
    configuration.maxReceiveMessageByteCount = 64 << 10
    configuration.maxHeaderByteCount = 4096
    configuration.connectTimeout = .seconds(1)
    configuration.initialBackoff = .zero
    let settings = configuration
    do {
        try wait {
            let client = RPCClient(settings)
            do {
                try await call(client, isStream: mode & 0x80 != 0)
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    } catch let error as RPCError {
        try require(error.code != .ok, "a call failed with OK")
    }
}

private func call(_ client: RPCClient, isStream: Bool) async throws {
    let request = Google_Protobuf_BytesValue(Data("request".utf8))
    guard isStream else {
        let _: RPCResponse<Google_Protobuf_BytesValue> = try await client.unary(
            "/f.F/Echo", request, timeout: .milliseconds(500))
        return
    }
    let answers: RPCResponseStream<Google_Protobuf_BytesValue> = try await client.serverStreaming(
        "/f.F/Count", request, timeout: .milliseconds(500))
    for try await _ in answers {}
}

/// Serves one connection after the other with the current script.
private final class HostileServer: Sendable {
    struct Script: Sendable {
        var mode: UInt8
        var input: FuzzInput
    }

    static let shared = Result { try HostileServer() }

    let port: Int
    let script = Mutex(Script(mode: 0, input: FuzzInput([])))

    private init() throws {
        let listener = try Socket(listeningAt: 0)
        port = listener.port
        Thread.detachNewThread { [self] in
            while let socket = try? listener.accept() { serve(socket) }
        }
    }

    private func serve(_ socket: Socket) {
        var now = script.withLock { $0 }
        if now.mode & 1 == 1 {
            socket.write(now.input.all())
        } else {
            socket.write(Frames.frame(4, 0, 0, []))
            guard waitForRequest(socket) else { return }
            var frames: [UInt8] = []
            while !now.input.isAtEnd { frames += Frames.next(&now.input, Self.head) }
            socket.write(frames)
        }
        socket.endWriting()
        // Read the client's remaining bytes, so that the reset does not overtake the frames.
        while socket.read(withinMilliseconds: 100) != nil {}
    }

    private func waitForRequest(_ socket: Socket) -> Bool {
        var reader = FrameReader()
        var skipped = 0
        while var more = socket.read(withinMilliseconds: 1_000) {
            let rest = min(more.count, Frames.preface.count - skipped)
            more.removeFirst(rest)
            skipped += rest
            reader.add(more)
            while let frame = reader.next() {
                if frame.type == 0, frame.flags & 1 == 1 { return true }
            }
        }
        return false
    }

    /// Makes a header block: that of an answer, of trailers, or of neither.
    private static func head(_ input: inout FuzzInput) -> [UInt8] {
        let choice = input.byte()
        var head: [UInt8] = []
        if choice & 1 == 0 {
            head += Frames.field(":status", choice & 2 == 0 ? "200" : "503")
            head += Frames.field("content-type", "application/grpc")
        }
        if choice & 4 == 0 { head += Frames.field("grpc-status", "\(choice >> 4)") }
        let names = [
            "grpc-status", "grpc-message", "x-bin", "grpc-encoding", ":status", "content-type",
        ]
        for _ in 0..<(input.byte() & 7) {
            let which = input.byte()
            let name =
                Int(which & 0x3f) < names.count
                ? Array(names[Int(which & 0x3f)].utf8) : input.chunk()
            head += Frames.field(name, input.chunk(), isIndexed: which & 0x80 != 0)
        }
        return head
    }
}
