import Testing

@testable import ProgramKit

@Suite("Suggestions")
struct SuggestionTests {
    private let names = ["set", "get", "safeget", "safeset", "scan", "history", "getByIndex"]

    @Test(
        "name the word for one or two typing errors, or for the beginning of a name",
        arguments: [
            ("saefget", "safeget"), ("safegt", "safeget"), ("safesett", "safeset"),
            ("scna", "scan"), ("SET", "set"), ("hist", "history"), ("getbyindx", "getByIndex"),
            ("sett", "set"),
        ])
    func near(word: String, name: String) {
        #expect(Suggestion.nearest(to: word, among: names) == name)
    }

    @Test("are absent for other words", arguments: ["frobnicate", "", "x", "sn", "elephant"])
    func far(word: String) {
        #expect(Suggestion.nearest(to: word, among: names) == nil)
    }

    @Test("count a letter that is left out, added, replaced or swapped as one error")
    func distance() {
        for (left, right, distance) in [
            ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1),
            ("abc", "ab", 1), ("abc", "axc", 1), ("abcd", "badc", 2), ("kitten", "sitting", 3),
        ] {
            #expect(Suggestion.distance(left, right) == distance, "\(left) \(right)")
        }
    }
}
