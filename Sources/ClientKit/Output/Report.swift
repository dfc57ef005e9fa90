import Terminal

/// Something that a command prints: a line, an entry, a proof.
package protocol Report {
    /// In the exact form of immudb's command line client: tabs, and spaces before some line ends.
    func text(_ display: Display) -> [UInt8]
    /// For programs; `docs/immuclient.md` lists the fields.
    var json: JSONObject { get }
    /// What `--value-only` prints of it, if anything.
    var value: [UInt8]? { get }
}

extension Report {
    package var value: [UInt8]? { nil }
}

/// What bytes are written to.
package struct Display: Sendable {
    package let isTerminal: Bool

    package init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// Keys and values: byte for byte, but for a terminal, which would obey some and cannot show
    /// others.
    package func shown(_ bytes: [UInt8]) -> [UInt8] {
        isTerminal ? TerminalText.escaped(bytes) : bytes
    }
}

/// A line of text, and what it says to a program.
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
