import Testing

@testable import TerminalScreen

@Suite("Keys of a terminal")
struct KeyReaderTests {
    @Test(
        "are told from the sequences that begin with Esc",
        arguments: [
            ("q", [KeyReader.Key.character(0x71)]), ("\u{1b}[A", [.other]),
            ("\u{1b}OPq", [.other, .character(0x71)]),
            ("\u{1b}[1;5Cq", [.other, .character(0x71)]), ("\u{1b}q", [.other]),
            ("\u{1b}\u{1b}", [.escape]),
            ("\u{1b}[<0;10;10M", [.other]),
        ])
    func sequences(bytes: String, expected: [KeyReader.Key]) {
        var reader = KeyReader()
        #expect(reader.keys(from: bytes.utf8) == expected)
        #expect(!reader.isUndecided)
        // However the bytes are split.
        var slow = KeyReader()
        #expect(bytes.utf8.flatMap { slow.keys(from: [$0]) } == expected)
    }

    @Test("have Esc as soon as nothing follows it")
    func escape() {
        var reader = KeyReader()
        #expect(reader.keys(from: [0x1b]) == [] && reader.isUndecided)
        #expect(reader.keysAfterPause() == [.escape] && !reader.isUndecided)
        #expect(reader.keysAfterPause() == [])
    }
}
