import Foundation
import ImmudbClient
import Testing

@Suite("docs/client.md")
struct ClientDocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The Swift of a page's fences, by line, without blank.
    private func fencedLines() throws -> [String] {
        let page = try String(
            contentsOf: Self.root.appendingPathComponent("docs/client.md"), encoding: .utf8)
        var lines: [String] = []
        var isInside = false
        for line in page.split(separator: "\n") {
            if line.hasPrefix("```") {
                isInside = line == "```swift"
            } else if isInside {
                lines.append(line.trimmingCharacters(in: .whitespaces))
            }
        }
        return lines
    }

    @Test("each line of its code is in the compiled snippets")
    func compiled() throws {
        let source = try String(
            contentsOf: Self.root.appendingPathComponent(
                "Tests/EndToEndTests/ClientSnippets.swift"),
            encoding: .utf8)
        // The page leaves the configuration and the test's folder out.
        let compiled = source.replacingOccurrences(of: "\n", with: " ")
            .replacingOccurrences(of: " +", with: " ", options: .regularExpression)
            .replacingOccurrences(of: "connect( configuration, ", with: "connect(")
            .replacingOccurrences(of: "directory: folder", with: "directory: \"trusted\"")
        let lines = try fencedLines()
        #expect(lines.count > 25)
        // The manifest's lines are tried by whoever embeds the client.
        let isManifest = { (line: String) in line.contains("package") || line.hasPrefix("//") }
        for line in lines where !isManifest(line) {
            #expect(
                compiled.contains(line), "docs/client.md has code that is not compiled: \(line)")
        }
    }

    @Test("its code does against a real server what the page says")
    func run() async throws {
        let data = try TemporaryFolder()
        let trusted = try TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let configuration = ImmudbClient.Configuration(port: server.port)
        try await ClientSnippets.fourLines(configuration, trusted.path)
        let roots = FileTrustedRootStore(directory: trusted.path)
        let client = try await ImmudbClient.connect(
            configuration, trustedRoots: roots, firstContact: .refuse)
        try await client.set("certificate:7", "alice")
        try await ClientSnippets.proveScanned(client)
        try await ClientSnippets.errors(client)
        try await ClientSnippets.references(client)
        try await ClientSnippets.receipts(client)
        try await ClientSnippets.firstContact(
            configuration, Digest(hex: String(repeating: "a", count: 64))!, roots)
        #expect(ClientSnippets.evidence().evidenceDirectory == "evidence")
        await client.close()
        #expect(try await server.stop() == 0)
    }
}
