import ArgumentParser
import ProgramKit
import Terminal

/// Something that a command prints: a line, an entry, a proof.
protocol Report {
    /// In the exact form of immudb's command line client: tabs, and spaces before some line ends.
    func text(_ display: Display) -> [UInt8]
    /// For programs; `docs/immuclient.md` lists the fields.
    var json: JSONObject { get }
    /// What `--value-only` prints of it, if anything.
    var value: [UInt8]? { get }
}

extension Report {
    var value: [UInt8]? { nil }
}

/// What bytes are written to.
struct Display: Sendable {
    let isTerminal: Bool

    /// Keys and values: byte for byte, but for a terminal, which would obey some and cannot show
    /// others.
    func shown(_ bytes: [UInt8]) -> [UInt8] {
        isTerminal ? TerminalText.escaped(bytes) : bytes
    }
}

/// A line of text, and what it says to a program.
struct LineReport: Report {
    let line: String
    let json: JSONObject

    init(_ line: String, json: JSONObject) {
        self.line = line
        self.json = json
    }

    func text(_ display: Display) -> [UInt8] {
        display.shown(Array(line.utf8)) + [UInt8(ascii: "\n")]
    }
}

extension LineReport {
    /// - Parameters:
    ///   - command: nil for the help of the whole program.
    ///   - all: with the flags that all commands have.
    init(help command: (any ParsableCommand.Type)?, all: Bool) {
        let text = Immuclient.help(for: command, all: all)
        self.init(text, json: ["help": .text(text)])
    }
}
