import Testing

@testable import Terminal

@Suite("Text for terminals")
struct TextTests {
    @Test(
        "stays, except for escapes of what a terminal would obey or cannot show",
        arguments: [
            ("käse\t\n", "käse\t\n"), ("\u{1b}[2J", "\\x1b[2J"), ("\u{9b}2J", "\\xc2\\x9b2J"),
            ("a\r\u{7f}\0", "a\\x0d\\x7f\\x00"), ("a\u{202e}b", "a\\xe2\\x80\\xaeb"), ("", ""),
        ])
    func text(given: String, expected: String) {
        #expect(TerminalText.escaped(Array(given.utf8)) == Array(expected.utf8))
        let line = expected.replacing("\t", with: "\\x09").replacing("\n", with: "\\x0a")
        #expect(TerminalText.escapedLine(given) == Array(line.utf8))
    }

    @Test("is escaped unless it is ASCII, if the bytes are not text")
    func bytes() {
        #expect(
            TerminalText.escaped([0x61, 0xff, 0xc3, 0xa4, 0x0a])
                == Array("a\\xff\\xc3\\xa4\\x0a".utf8))
    }

    @Test(
        "is completed as far as the candidates agree, which are listed otherwise",
        arguments: [
            ("h", .insert("istory ")), ("s", .list(["safeget", "safeset", "scan", "später"])),
            ("sa", .insert("fe")), ("safe", .list(["safeget", "safeset"])), ("x", .nothing),
            ("get dir", .insert("/")), ("history", .insert(" ")), ("sp", .insert("äter ")),
            ("get dir/ö", .nothing), ("get d\u{f6}", .insert("sen ")), ("get do\u{308}", .nothing),
        ] as [(String, Completion)])
    func completion(line: String, expected: Completion) {
        let words = ["safeget", "safeset", "scan", "history", "später", "dir/", "d\u{f6}sen"]
        #expect(Completion(of: line) { _, _ in words } == expected)
    }

    @Test("is completed up to a character in which words differ")
    func splitCharacter() {
        #expect(Completion(of: "a") { _, _ in ["abä", "abö"] } == .insert("b"))
    }

    @Test("is passed to the caller with the line and the word at its end")
    func word() {
        var told: [String] = []
        _ = Completion(of: "set  \"a b") { line, word in
            told = [line, word]
            return []
        }
        #expect(told == ["set  \"a b", "b"])
        #expect(Completion.word(endingIn: "set ") == "")
    }

    @Test("is shown in columns that fit")
    func columns() {
        #expect(Completion.columns(["a", "bbb", "c\u{1b}"], width: 16) == "a      bbb\nc\\x1b\n")
        #expect(Completion.columns(["aaaa", "b"], width: 3) == "aaaa\nb\n")
    }
}
