import Testing

@testable import ProgramKit

@Suite("What was probably meant")
struct SuggestionTests {
    private let names = ["set", "get", "safeget", "safeset", "scan", "history", "getByIndex"]

    @Test(
        "a word with a typing error or two, or the beginning of a name, suggests that name",
        arguments: [
            ("saefget", "safeget"), ("safegt", "safeget"), ("safesett", "safeset"),
            ("scna", "scan"), ("SET", "set"), ("hist", "history"), ("getbyindx", "getByIndex"),
            ("sett", "set"),
        ])
    func near(word: String, name: String) {
        #expect(Suggestion.nearest(to: word, among: names) == name)
    }

    @Test("another word suggests nothing", arguments: ["frobnicate", "", "x", "sn", "elephant"])
    func far(word: String) {
        #expect(Suggestion.nearest(to: word, among: names) == nil)
    }

    @Test("letters that are left out, added, replaced or swapped count as one error each")
    func distance() {
        for (left, right, distance) in [
            ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1),
            ("abc", "ab", 1), ("abc", "axc", 1), ("abcd", "badc", 2), ("kitten", "sitting", 3),
        ] {
            #expect(Suggestion.distance(left, right) == distance, "\(left) \(right)")
        }
    }
}
