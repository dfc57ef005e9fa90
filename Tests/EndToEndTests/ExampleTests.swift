import Foundation
import TestTools
import Testing

/// The program of `Examples/EmbeddedDatabase`, as the README shows it.
struct ExampleTests {
    @Test("embeds the database, and proves its second run against the first")
    func embeddedDatabase() async throws {
        let folder = TemporaryFolder()
        let path = folder.file("certificates").path
        let first = try await FinishedProcess.run("EmbeddedDatabase", [path])
        #expect(first.exitCode == 0)
        #expect(first.output.contains("has 2 entries, and continues the 0 that were trusted"))
        let second = try await FinishedProcess.run("EmbeddedDatabase", [path])
        #expect(second.exitCode == 0)
        #expect(second.output.contains("has 4 entries, and continues the 2 that were trusted"))
    }

    private func readme() throws -> String {
        var page = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { page.deleteLastPathComponent() }
        return try String(contentsOf: page.appendingPathComponent("README.md"), encoding: .utf8)
    }

    @Test("shows in the README the last lines that a server writes at its start")
    func serverStart() async throws {
        let shown = try readme().split(separator: "\n").filter { $0.hasPrefix("immu-server ") }
        let folder = TemporaryFolder()
        let server = try await RunningServer(dir: folder.file("db").path)
        try await server.process.waitForOutput("Ready: ")
        let lines = server.process.errors.split(separator: "\n").suffix(shown.count)
        #expect(!shown.isEmpty)
        #expect(masked(lines.joined(separator: "\n")) == masked(shown.joined(separator: "\n")))
        #expect(try await server.stop() == 0)
    }

    @Test("prints with the README's first verified write, in an empty folder, what the page shows")
    func firstVerifiedWrite() async throws {
        let shown = try #require(
            readme().components(separatedBy: "$ bin/immuclient safeset hello world\n").last?
                .components(separatedBy: "```").first)
        let (folder, empty) = (TemporaryFolder(), TemporaryFolder())
        let server = try await RunningServer(dir: folder.file("db").path)
        let run = try await FinishedProcess.run(
            "immuclient", ["safeset", "hello", "world"],
            environment: ["IMMUCLIENT_IMMUDB_PORT": "\(server.port)"],
            directory: empty.path)
        #expect(run.exitCode == 0)
        #expect(masked(run.errors + run.output) == masked(shown))
        #expect(try await server.stop() == 0)
    }

    /// Replaces the parts that differ each time: port, identity, digest, time, and blanks at line
    /// ends.
    private func masked(_ text: String) -> [String] {
        text.split(separator: "\n").map { line in
            var line = line.trimmingCharacters(in: .whitespaces)
            for (pattern, name) in [
                ("127.0.0.1:[0-9]+", "ADDRESS"), ("[0-9a-v]{20}, which", "IDENTITY, which"),
                ("[0-9a-f]{64}", "DIGEST"), ("[0-9]{4}[-/][0-9]{2}[-/][0-9]{2} [0-9:]{8}", "TIME"),
            ] {
                line = line.replacingOccurrences(
                    of: pattern, with: name, options: .regularExpression)
            }
            return line
        }
    }

    @Test("verifies what the client's example wrote, and its second run against the first")
    func verifiedClient() async throws {
        let folder = TemporaryFolder()
        let server = try await RunningServer(dir: folder.file("db").path)
        let arguments = ["\(server.port)", folder.file("trusted").path]
        let first = try await FinishedProcess.run("VerifiedClient", arguments)
        #expect(first.exitCode == 0)
        #expect(first.output.contains("issued to alice: verified: true"))
        #expect(first.output.contains("has 1 entries, and continues the 0 from before"))
        let second = try await FinishedProcess.run("VerifiedClient", arguments)
        #expect(second.exitCode == 0)
        #expect(second.output.contains("has 2 entries, and continues the 1 from before"))
        #expect(try await server.stop() == 0)
    }
}
