import Terminal

/// Something that a command prints: a line, an entry, a proof.
package protocol Report {
    /// The report in the exact form of immudb's command line client: tabs, and spaces before some line ends.
    func text(_ display: Display) -> [UInt8]
    /// The report for programs; `docs/immuclient.md` lists the fields.
    var json: JSONObject { get }
    /// The bytes that `--value-only` prints; nil for none.
    var value: [UInt8]? { get }
}

extension Report {
    package var value: [UInt8]? { nil }
}

/// The destination of bytes that are shown.
package struct Display: Sendable {
    package let isTerminal: Bool

    package init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// Returns keys and values byte for byte, except for a terminal, which would obey some bytes and cannot show
    /// others.
    package func shown(_ bytes: [UInt8]) -> [UInt8] {
        isTerminal ? TerminalText.escaped(bytes) : bytes
    }
}

/// A line of text, and its form for programs.
package struct LineReport: Report {
    package let line: String
    package let json: JSONObject

    package init(_ line: String, json: JSONObject) {
        self.line = line
        self.json = json
    }

    package func text(_ display: Display) -> [UInt8] {
        display.shown(Array(line.utf8)) + [UInt8(ascii: "\n")]
    }
}
