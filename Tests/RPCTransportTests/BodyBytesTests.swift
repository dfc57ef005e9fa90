import NIOCore
import SwiftProtobuf
import TestTools
import Testing

@testable import RPCTransport

@Suite("IncomingRequest")
struct IncomingRequestTests {
    /// The prefix and the message of a request.
    private static func body(_ message: [UInt8]) -> [UInt8] { FramedBytes(message).bytes }

    private func newRequest() -> IncomingRequest {
        let method = RPCMethod.unary("/test.Test/Call") {
            (_: Google_Protobuf_Empty, call: ServerCall) in call.fail(.unknown, "")
        }
        let account = ConnectionAccount(ServerAccount(Admission(RPCServer.Configuration())))
        return IncomingRequest(
            RequestHeaders(methods: MethodTable([method]), limit: 1_024), method,
            room: Reservation(.requests, of: account))
    }

    private func append(
        _ bytes: some Collection<UInt8>, to request: inout IncomingRequest, limit: Int = 1 << 20
    ) -> Answer? {
        Array(bytes).withUnsafeBytes { request.append($0, limit: limit) }
    }

    @Test("has the message that was sent, however the frames cut it")
    func pieces() {
        var random = SplitMix64(seed: 1)
        for byteCount in [0, 1, 2, 300, 70_000] {
            let message = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 / 7) }
            for longest in [1, 5, 6, 64, 16_384, 100_000] where byteCount / longest < 1_000 {
                var rest = Self.body(message)[...]
                var request = newRequest()
                while !rest.isEmpty {
                    let count = Int.random(in: 0...longest, using: &random)
                    let refusal = append(rest.prefix(count), to: &request)
                    #expect(refusal == nil)
                    rest = rest.dropFirst(count)
                    let isComplete = request.refusalAtEnd() == nil
                    #expect(isComplete == rest.isEmpty)
                }
                let received = request.message
                #expect(received.count == byteCount)
                #expect(received.withUnsafeBytes { Array($0) } == message)
            }
        }
    }

    @Test("is refused when its prefix is complete, or a byte more than the message has arrived")
    func refusals() {
        for cut in [1, 4, 5] {
            var compressed = newRequest()
            let bytes = [1, 0, 0, 0, 2, 7, 7] as [UInt8]
            let first = append(bytes.prefix(cut), to: &compressed)
            #expect((first == nil) == (cut < 5))
            let refusal = first ?? append(bytes.dropFirst(cut), to: &compressed)
            #expect(refusal?.code == .internalError)
        }
        var large = newRequest()
        let refusal = append([0, 0, 0, 0, 9], to: &large, limit: 8)
        #expect(refusal?.code == .resourceExhausted)
        for first in [[], [7], [7, 7]] as [[UInt8]] {
            var long = newRequest()
            let refusals = [
                append([0, 0, 0, 0, 2] + first, to: &long), append([7, 7, 7], to: &long),
            ]
            #expect(refusals.map { $0?.code } == [nil, .internalError])
        }
    }
}

@Suite("UnsentBytes")
struct UnsentBytesTests {
    @Test("go into frames in the order in which they were appended, each once")
    func order() {
        var random = SplitMix64(seed: 2)
        var unsent = UnsentBytes()
        var frames = ByteBuffer()
        var appended: [UInt8] = []
        for _ in 0..<2_000 {
            if Bool.random(using: &random) {
                let more = (0..<Int.random(in: 0...100, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                unsent.append(more)
                appended += more
            } else {
                unsent.move(Int.random(in: 0...unsent.count, using: &random), to: &frames)
            }
            #expect(unsent.count == appended.count - frames.readableBytes)
        }
        unsent.move(unsent.count, to: &frames)
        #expect(unsent.isEmpty)
        #expect(Array(frames.readableBytesView) == appended)
    }
}
