import Foundation
import ImmudbProtocol
import OwnThread
import SwiftProtobuf
import Testing

@Suite("A limit of list elements", .ownThread)
struct ElementLimitTests {
    private func isTaken(_ bytes: [UInt8], _ limit: ElementLimit) -> Bool {
        (try? bytes.withUnsafeBytes { try limit.check($0) }) != nil
    }

    private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(content.count)] + content
    }

    @Test("accepts as many elements as the limit, and no more")
    func limit() {
        let limit = ElementLimit(3, [.list(1)])
        let element = field(1, [])
        #expect(isTaken(element + element + element, limit))
        #expect(!isTaken(element + element + element + element, limit))
        #expect(isTaken(Array(repeating: field(2, [1]), count: 100).flatMap { $0 }, limit))
    }

    @Test("counts all lists together, also inside of a message that occurs repeatedly")
    func nested() {
        let limit = ElementLimit(4, [.message(2, [.list(5), .list(6)])])
        let two = field(2, field(5, [1]) + field(6, [2]))
        #expect(isTaken(two + two, limit))
        #expect(!isTaken(two + two + field(2, field(5, [])), limit))
        // The same number outside of the message is another field.
        #expect(isTaken(two + two + field(5, []), limit))
    }

    @Test("skips all kinds of fields")
    func kinds() {
        let limit = ElementLimit(1, [.list(1)])
        let fields: [UInt8] =
            [3 << 3, 0xff, 0x01] + [4 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8] + [5 << 3 | 5, 1, 2, 3, 4]
            + [0x82, 0x01, 1, 9]  // number 16
            + [2 << 3 | 3] + field(1, []) + field(1, []) + [2 << 3 | 4]  // a group
        #expect(isTaken(fields + field(1, [8]), limit))
        #expect(!isTaken(fields + field(1, [8]) + field(1, []), limit))
    }

    @Test("never counts fewer elements than the decoder finds in random bytes")
    func random() {
        var decodedCount = 0
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...24)).map { _ in
                [0x0a, 0x0a, 0x12, 0, 0, 1, 2, UInt8.random(in: 0...255)].randomElement() ?? 0
            }
            guard isTaken(bytes, ElementLimit(2, [.list(1)])),
                let decoded = try? Immudb_Schema_KVList(serializedBytes: bytes)
            else { continue }
            decodedCount += 1
            #expect(decoded.kvs.count <= 2, "\(bytes)")
        }
        #expect(decodedCount > 100)
    }
}
