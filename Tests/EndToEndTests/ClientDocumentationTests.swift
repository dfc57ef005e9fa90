import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("docs/client.md")
struct ClientDocumentationTests {
    @Test("contains only lines of code that are in the compiled snippets")
    func compiled() throws {
        // The page has other names for values that the test chooses.
        let code = try DocumentedCode(
            page: "docs/client.md", snippets: "Tests/EndToEndTests/ClientSnippets.swift",
            replacing: [
                "to: address": "to: \"127.0.0.1:3322\"", "port: port": "port: 3322",
                "directory: folder": "directory: \"trusted\"",
                "ServerIdentity(identityText)": "ServerIdentity(\"dc4kav7mqm3h1s2j8qp0\")",
            ])
        #expect(code.lines.count > 25)
        #expect(code.unknownLines.isEmpty)
    }

    @Test("has code that does against a real server what the page says")
    func run() async throws {
        let data = TemporaryFolder()
        let trusted = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let address = "127.0.0.1:\(server.port)"
        try await ClientSnippets.fourLines(address, trusted.path)
        let roots = FileTrustedRootStore(directory: trusted.path)
        try await ClientSnippets.configured(server.port, roots)
        let client = try await ImmudbClient.connect(
            to: address, trustedRoots: roots, firstContact: .refuse)
        try await client.set("certificate:7", "alice")
        try await ClientSnippets.proveScanned(client)
        try await ClientSnippets.errors(client)
        try await ClientSnippets.references(client)
        try await ClientSnippets.receipts(client)
        try await ClientSnippets.whoAndWhat(client)
        let counts = try await ClientSnippets.walks(client)
        // hello, the certificate, a greeting, the certificate's reference and its member in a set,
        // and two invoices.
        #expect(counts == (versions: 1, page: 7, archived: 7))
        try await ClientSnippets.firstContact(
            address, String(repeating: "a", count: 64), roots, client.identity.text)
        #expect(ClientSnippets.tls().tls?.certificate?.keyFile == "client.key")
        #expect(ClientSnippets.evidence().evidenceDirectory == "evidence")
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("has a store of rows that keeps roots and addresses, and lets the asked caller decide")
    func ownStore() async throws {
        let data = TemporaryFolder()
        var server = try await RunningServer(dir: data.path)
        let address = "127.0.0.1:\(server.port)"
        let rows = RowStore()
        let writer = try await ImmudbClient.connect(
            to: address, trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        try await writer.verifiedSet("hello", "world")
        await #expect(throws: ClientError(.firstContactRefused, "")) {
            try await ClientSnippets.asking(address, rows) { "no" }
        }
        #expect(try await rows.server(at: address) == nil)
        try await ClientSnippets.asking(address, rows) { "yes" }
        #expect(try await rows.server(at: address) == writer.identity)
        try await writer.verifiedSet("hello", "again")
        try await ClientSnippets.asking(address, rows) { nil }
        let root = try await writer.trustedRoot()
        #expect(try await rows.trustedRoot(of: writer.identity) == root)
        await writer.close()
        let port = server.port
        #expect(try await server.stop() == 0)

        let other = TemporaryFolder()
        server = try await RunningServer(dir: other.path, port: port)
        await #expect(throws: ClientError(.serverChanged, "")) {
            try await ClientSnippets.asking(address, rows) { "yes" }
        }
        #expect(try await server.stop() == 0)
    }
}
