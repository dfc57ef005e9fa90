import NIOCore
import Testing

@testable import RPCTransport

struct AnswerBodyTests {
    private func message(_ byteCount: Int) -> [UInt8] {
        [0] + withUnsafeBytes(of: UInt32(byteCount).bigEndian) { Array($0) }
            + [UInt8](repeating: 7, count: byteCount)
    }

    private func append(_ bytes: some Collection<UInt8>, to body: inout AnswerBody) {
        Array(bytes).withUnsafeBytes { body.append($0) }
    }

    @Test("gives messages after a large one their own memory, however the frames cut them")
    func memory() throws {
        var body = AnswerBody()
        let small = message(10)
        append(message(4 << 20), to: &body)
        append(small.prefix(1), to: &body)
        let large = try #require(try body.next(limit: 8 << 20))
        #expect(large.readableBytes == 4 << 20)
        var byteCount = 0
        for _ in 0..<1_000 {
            append(small.dropFirst(), to: &body)
            append(small.prefix(1), to: &body)
            let next = try #require(try body.next(limit: 8 << 20))
            #expect(next.readableBytes == 10)
            #expect(try body.next(limit: 8 << 20) == nil)
            byteCount += next.storageCapacity
        }
        #expect(byteCount < 1_000 * 1_024, "\(byteCount)")
    }

    @Test("returns messages unchanged, whatever the frames are", arguments: 1...40)
    func pieces(byteCount: Int) throws {
        let sizes = [0, 1, 5, 100, 0, 3_000, 17]
        var rest = sizes.flatMap(message)[...]
        var body = AnswerBody()
        var received: [Int] = []
        while !rest.isEmpty {
            append(rest.prefix(byteCount), to: &body)
            rest = rest.dropFirst(byteCount)
            while let next = try body.next(limit: 1 << 20) { received.append(next.readableBytes) }
        }
        #expect(received == sizes)
        #expect(body.isBetweenMessages)
    }
}
