import KeyIndex
import MerkleTree
import Testing

@testable import ImmudbStore

struct RecordHashTests {
    private let key = RecordHash.Key(
        first: 0x0706_0504_0302_0100, second: 0x0f0e_0d0c_0b0a_0908)

    @Test(
        "computes SipHash-2-4 as its authors do",
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)])
    func vectors(count: Int, expected: UInt64) {
        let message = (0..<count).map { UInt8($0) }
        var sip = RecordHash.SipHash(key)
        message.withUnsafeBytes { sip.add($0) }
        #expect(sip.end() == expected)
    }

    @Test("differs for records that differ in anything")
    func differences() {
        func hash(
            _ name: [UInt8], isMember: Bool = false, index: UInt64 = 1, position: UInt64 = 2,
            length: UInt32 = 3, kind: UInt8 = 0
        ) -> UInt64 {
            name.withUnsafeBytes {
                RecordHash.hash(
                    $0, isMember: isMember,
                    RecordAddress(
                        index: EntryIndex(index), kind: kind, position: position, length: length),
                    key: key)
            }
        }
        let all = [
            hash([1]), hash([1, 0]), hash([2]), hash([1], isMember: true), hash([1], index: 2),
            hash([1], position: 3), hash([1], length: 4), hash([1], kind: 1), hash([]),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test("sums the same records to the same sum, in any order")
    func sums() {
        var (one, two, other) = (RecordSum(), RecordSum(), RecordSum())
        for hash: UInt64 in [5, .max, 7] { one.add(hash) }
        for hash: UInt64 in [7, 5, .max] { two.add(hash) }
        for hash: UInt64 in [7, 5] { other.add(hash) }
        #expect(one == two && one != other)
    }
}
