import Foundation
import Synchronization
import Testing

@testable import Terminal

/// Counts the lines that were read so far.
private final class ReadLineCount: Sendable {
    let count = Atomic(0)
}

@Suite("Line editor", .serialized, .timeLimit(.minutes(1)))
struct LineEditorTests {
    /// Returns the lines that an editor reads from typed keys; nil for the end of the input.
    private func lines(
        typing keys: [String], historyFile: String? = nil, words: [String] = []
    ) async throws -> [String?] {
        let terminal = try PseudoTerminal()
        let progress = ReadLineCount()
        async let read = onThread { [terminal, keys, words] in
            try terminal.run { streams in
                let editor = LineEditor(
                    prompt: "prompt>", historyFile: historyFile, through: streams
                ) { _, _ in words }
                return try keys.map { _ in
                    let line = try editor.readLine()
                    progress.count.add(1, ordering: .sequentiallyConsistent)
                    return line
                }
            }
        }
        for (position, key) in keys.enumerated() {
            // Between two lines the terminal would handle some keys by itself.
            while progress.count.load(ordering: .sequentiallyConsistent) < position
                || terminal.modes & tcflag_t(ICANON) != 0
            {
                try await Task.sleep(for: .milliseconds(1))
            }
            terminal.type(key)
        }
        return try await read
    }

    @Test("edits lines, and ends at Ctrl-D in an empty one")
    func editing() async throws {
        let read = try await lines(typing: [
            "set a b\n", "gät x\u{1}\u{6}\u{6}\u{6}\u{6}\u{7f}k \n", "\n", "\u{4}",
        ])
        #expect(read == ["set a b", "gätk x", "", nil])
    }

    @Test("returns an empty line at Ctrl-C, and drops what was typed")
    func interrupt() async throws {
        let read = try await lines(typing: ["drop all\u{3}", "keep\n", "\u{10}\n"])
        #expect(read == ["", "keep", "keep"])
    }

    @Test("inserts a pasted text unchanged, with line ends, tabs and control characters")
    func paste() async throws {
        let read = try await lines(
            typing: [
                "a '\u{1b}[200~b\rc\n\u{3}\t\u{4}ä€😀\u{1b}[201~'\n", "\u{1b}[200~\u{1b}[201~x\n",
                "\u{1b}[200~get\u{0} k\u{1b}[201~\u{7f}l\n", "\u{10}\n",
            ], words: ["word"])
        #expect(read == ["a 'b\nc\n\u{3}\t\u{4}ä€😀'", "x", "get l", "get l"])
    }

    @Test("completes the word before the cursor at Tab")
    func completion() async throws {
        let words = ["safeget", "safeset", "scan", "history", "später"]
        let read = try await lines(
            typing: ["h\tx\n", "safeg\ty\n", "sa\ts\t\n", "x\t\n", "sp\t\n"], words: words)
        #expect(read == ["history x", "safeget y", "safeset ", "x", "später "])
    }

    @Test("keeps history between runs, for its owner only, without repeated lines")
    func history() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("history-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.path + "/history"
        _ = try await lines(
            typing: ["one\n", "two\n", "two\n", "  \n", "drei ä\n", " secret\n", "no\u{3}"],
            historyFile: file)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "one\ntwo\ndrei ä\n")
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let up = "\u{10}"
        let read = try await lines(
            typing: ["\(up)\(up)\n", "\(up)\(up)\n", "\u{12}on\n\n"], historyFile: file)
        #expect(read == ["two", "drei ä", "one"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["history"])
    }

    @Test("works without a history that cannot be read or written")
    func noHistory() async throws {
        for file in ["/nowhere/history", "/dev", "/dev/full"] {
            let read = try await lines(typing: ["one\n", "\u{10}\n"], historyFile: file)
            #expect(read == ["one", "one"])
        }
    }

    @Test("keeps the newest thousand lines, and none that is too long")
    func limit() throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("history-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lines = (0..<1_200).map { "line \($0)\n" }.joined()
        try lines.write(toFile: path, atomically: true, encoding: .utf8)
        let history = LineHistory(path: path)
        history.add("newest")
        history.add(String(repeating: "x", count: 4_097))
        #expect(history.lines().count == 1_000)
        #expect(history.lines().first == "line 201")
        #expect(history.lines().last == "newest")
    }

    @Test("keeps a link to the history")
    func link() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("history-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.path + "/file"
        try "one\n".write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: file)
        LineHistory(path: folder.path + "/link").add("two")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "one\ntwo\n")
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/link") == file
        )
    }

    @Test("reads other inputs than a terminal line by line, without a prompt")
    func pipe() throws {
        let script = try Script(Array("get a\r\n\nget\tä".utf8))
        try script.run { streams in
            let editor = LineEditor(prompt: "prompt>", historyFile: nil, through: streams) {
                _, _ in []
            }
            let read = try (0..<4).map { _ in try editor.readLine() }
            #expect(read == ["get a", "", "get\tä", nil])
        }
        #expect(script.prompts.isEmpty)
        try Script([0xff, 0x0a, 0x61]).run { streams in
            let editor = LineEditor(prompt: "", historyFile: nil, through: streams) { _, _ in [] }
            #expect(throws: TerminalError.self) { _ = try editor.readLine() }
            let next = try editor.readLine()
            #expect(next == "a")
        }
    }
}
