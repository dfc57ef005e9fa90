import ImmudbModel
import MerkleTree
import Testing

@Suite("A trusted root")
struct TrustedRootTests {
    private let root = Digest.leaf(index: EntryIndex(0), key: [1], value: [2])

    @Test("has a text with root and size, which can be parsed")
    func text() {
        let trusted = TrustedRoot(size: TreeSize(1), root: root)
        #expect(trusted.text == root.hex + "@1")
        for value in [trusted, .empty] { #expect(TrustedRoot(value.text) == value) }
    }

    @Test(
        "refuses texts of another form",
        arguments: [
            "", "@", "@1", "00@1", "1@", " ", "zz@1", "\(String(repeating: "0", count: 64))@0",
        ])
    func noText(text: String) {
        #expect(TrustedRoot(text) == nil)
        for end in ["", "@", "@-1", "@1 ", "@1@1", "@+1", "@01", "@9223372036854775809", "@x"] {
            #expect(TrustedRoot(root.hex + end) == nil)
        }
    }
}

@Suite("The key of a sorted set's entry")
struct SortedSetKeyTests {
    @Test("consists of set, score and member, and is split by the member's length")
    func bytes() {
        let key = SortedSetKey(set: [7, 7], score: 1.5, member: [9])
        #expect(key.bytes == [7, 7, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 9])
        #expect(SortedSetKey(bytes: key.bytes, memberByteCount: 1) == key)
        #expect(SortedSetKey(bytes: key.bytes, memberByteCount: 3)?.set == [])
    }

    @Test("has room for a score", arguments: [-1, 4, 11, 12, Int.max])
    func noRoom(memberByteCount: Int) {
        #expect(
            SortedSetKey(
                bytes: [UInt8](repeating: 0, count: 11), memberByteCount: memberByteCount) == nil)
    }
}
