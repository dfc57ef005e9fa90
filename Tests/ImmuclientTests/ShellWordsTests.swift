import Testing

@testable import immuclient

@Suite("The words of a line of the shell")
struct ShellWordsTests {
    @Test(
        "are separated by blanks, unless quotes or backslashes join them",
        arguments: [
            ("", []), (" \t ", []), ("get key", ["get", "key"]), ("  get\tkey  ", ["get", "key"]),
            ("set k 'one two'", ["set", "k", "one two"]),
            (#"set k "one two""#, ["set", "k", "one two"]),
            (#"set k one\ two"#, ["set", "k", "one two"]),
            // An empty word counts.
            ("set k ''", ["set", "k", ""]), (#"set "" v"#, ["set", "", "v"]),
            // Quotes within words, and next to each other.
            (#"a'b c'd"e f"g"#, ["ab cde fg"]),
            // In single quotes, every character stands for itself.
            (#"'a\b"c'"#, [#"a\b"c"#]),
            // In double quotes, a backslash quotes only " and \.
            (#""a\"b\\c\d'e""#, [#"a"b\c\d'e"#]),
            (#"\'a \"b \\c"#, ["'a", "\"b", "\\c"]),
            // A combining character does not hide a quote, nor do line ends of Windows.
            ("'a\u{301}'\u{301} b", ["a\u{301}\u{301}", "b"]), ("get k\r", ["get", "k"]),
        ] as [(String, [String])])
    func words(line: String, words: [String]) throws {
        #expect(try ShellWords.split(line).map { Array($0.utf8) } == words.map { Array($0.utf8) })
    }

    @Test(
        "are refused with the quote that is not closed",
        arguments: [
            ("get 'a", "the quote ' is not closed"), (#"get "a'"#, "the quote \" is not closed"),
            (#"get "a\""#, "the quote \" is not closed"),
            (#"get a\"#, "nothing follows the \\"),
        ])
    func openQuotes(line: String, said: String) throws {
        let error = try #require(throws: ShellWords.SyntaxError.self) {
            try ShellWords.split(line)
        }
        #expect(error.description.hasPrefix(said))
    }

    @Test(
        "are completed by commands at the beginning, by flags after a hyphen, and by nothing else")
    func completion() {
        let commands = ShellCompletion.candidates("saf", "saf")
        #expect(commands.contains("safeset") && commands.contains("exit"))
        #expect(ShellCompletion.candidates("  g", "g") == commands)
        #expect(ShellCompletion.candidates("help ", "").contains("zadd"))
        #expect(!ShellCompletion.candidates("help ", "").contains("exit"))
        #expect(ShellCompletion.candidates("get key --j", "--j").contains("--json"))
        #expect(ShellCompletion.candidates("get k", "k") == [])
    }

    @Test("are a comment after # at the beginning of a line; elsewhere # is a character")
    func comments() throws {
        for line in ["#", "# get a", "  #x"] { #expect(ShellWords.isComment(line)) }
        for line in ["get #1", "", "'#'", "get a # b"] { #expect(!ShellWords.isComment(line)) }
        #expect(try ShellWords.split("get #1") == ["get", "#1"])
    }
}
