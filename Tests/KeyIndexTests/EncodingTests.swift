import MerkleTree
import OwnThread
import StorageIO
import TestTools
import Testing

@testable import KeyIndex

@Suite("The layout of the key index", .ownThread)
struct EncodingTests {
    static let awkwardKeys: [[UInt8]] = [
        [], [0], [0, 0], [0, 0, 0], [0, 1], [0, 255], [1], [1, 0], [97], [97, 0], [97, 0, 0],
        [97, 0, 1],
        [97, 0, 255], [97, 1], [97, 98], [255], [255, 0], [255, 255], [255, 255, 255],
    ]

    @Test("keeps the byte order of escaped names, none of which is the beginning of another")
    func escaping() {
        var random = SplitMix64(seed: 1)
        var keys = Self.awkwardKeys
        for _ in 0..<120 {
            let count = Int.random(in: 0...5, using: &random)
            keys.append(
                (0..<count).map { _ in [0, 1, 97, 254, 255].randomElement(using: &random) ?? 0 })
        }
        func escaped(_ key: [UInt8]) -> [UInt8] {
            var record: [UInt8] = []
            IndexRecord.appendEscaped(key, to: &record)
            return record
        }
        for left in keys {
            for right in keys {
                #expect(escaped(left).isBefore(escaped(right)) == left.isBefore(right))
                if left != right { #expect(!escaped(right).starts(with: escaped(left))) }
            }
        }
    }

    @Test("stores scores in numeric order, and -0.0 as 0.0")
    func scores() {
        var random = SplitMix64(seed: 2)
        var scores: [Double] = [
            0, 1, -1, 0.5, -0.5, 2, -2, .infinity, -.infinity, .leastNonzeroMagnitude,
            -.leastNonzeroMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .pi,
        ]
        for _ in 0..<100 {
            let score = Double(bitPattern: random.next())
            if !score.isNaN { scores.append(score) }
        }
        for left in scores {
            let ordered = IndexRecord.orderedScore(left.bitPattern)
            for right in scores {
                #expect((ordered < IndexRecord.orderedScore(right.bitPattern)) == (left < right))
            }
        }
        #expect(
            IndexRecord.orderedScore((-0.0).bitPattern)
                == IndexRecord.orderedScore((0.0).bitPattern))
    }

    @Test("splits a sorted set's key by the member's length, and orders it")
    func setRecords() {
        func record(_ set: [UInt8], _ score: Double, _ member: [UInt8]) -> [UInt8] {
            let bits = withUnsafeBytes(of: score.bitPattern.bigEndian) { Array($0) }
            var record: [UInt8] = []
            let isWellFormed = IndexRecord.appendSetRecord(
                ledgerKey: set + bits + member, memberLength: member.count, to: &record)
            #expect(isWellFormed)
            return record
        }
        #expect(
            record([97, 0], 1.5, [98, 0])
                == [3, 97, 0, 255, 0, 1, 0xBF, 0xF8, 0, 0, 0, 0, 0, 0, 98, 0])
        let inOrder = [
            record([97], -2, [1]), record([97], -0.5, [9]), record([97], 0, [1]),
            record([97], 0, [2]),
            record([97], 3, []), record([97], .infinity, [0]), record([97, 0], -7, [1]),
            record([97, 98], -9, [1]),
        ]
        for (left, right) in zip(inOrder, inOrder.dropFirst()) { #expect(left.isBefore(right)) }

        var rest: [UInt8] = []
        for (key, memberLength) in [
            ([UInt8](repeating: 1, count: 7), 0), ([], 0), ([1], 1), ([1, 2], -1),
        ] {
            #expect(
                !IndexRecord.appendSetRecord(
                    ledgerKey: key, memberLength: memberLength, to: &rest))
        }
        #expect(rest.isEmpty)
    }

    @Test("decodes an address as it was encoded, and refuses bytes of another length")
    func addresses() {
        let address = RecordAddress(
            index: EntryIndex(.max - 1), kind: 255, position: 0x0102_0304_0506_0708, length: .max)
        var bytes = [UInt8](repeating: 0, count: RecordAddress.encodedByteCount)
        bytes.withUnsafeMutableBytes { address.encode(to: $0.baseAddress!) }
        #expect(bytes.withUnsafeBytes { RecordAddress(decoding: $0) } == address)
        #expect(bytes.dropLast().withUnsafeBytes { RecordAddress(decoding: $0) } == nil)
        #expect((bytes + [0]).withUnsafeBytes { RecordAddress(decoding: $0) } == nil)
    }
}
