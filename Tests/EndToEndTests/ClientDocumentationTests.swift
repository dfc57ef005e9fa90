import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("docs/client.md")
struct ClientDocumentationTests {
    @Test("each line of its code is in the compiled snippets")
    func compiled() throws {
        // The page leaves the configuration and the test's folder out.
        let code = try DocumentedCode(
            page: "docs/client.md", snippets: "Tests/EndToEndTests/ClientSnippets.swift",
            replacing: [
                "connect( configuration, ": "connect(",
                "directory: folder": "directory: \"trusted\"",
            ])
        #expect(code.lines.count > 25)
        #expect(code.unknownLines.isEmpty)
    }

    @Test("its code does against a real server what the page says")
    func run() async throws {
        let data = TemporaryFolder()
        let trusted = TemporaryFolder()
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
        let counts = try await ClientSnippets.walks(client)
        // hello, the certificate, its reference and its place in a set, and two invoices.
        #expect(counts == (versions: 1, page: 6, archived: 6))
        try await ClientSnippets.firstContact(
            configuration, Digest(hex: String(repeating: "a", count: 64))!, roots)
        #expect(ClientSnippets.tls().tls?.certificate?.keyFile == "client.key")
        #expect(ClientSnippets.evidence().evidenceDirectory == "evidence")
        await client.close()
        #expect(try await server.stop() == 0)
    }
}
