import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("Servers that were trusted at an address")
struct KnownServersTests {
    private let folder = TemporaryFolder()

    private var servers: KnownServers { KnownServers(in: folder.path) }

    private func identity(_ text: String) throws -> ServerIdentity {
        try #require(ServerIdentity(text))
    }

    @Test("are the last ones noted, for each address")
    func noting() throws {
        #expect(try servers.identity(at: "a:1") == nil)
        try servers.note(identity("first"), at: "a:1")
        try servers.note(identity("other"), at: "a:12")
        try servers.note(identity("first"), at: "a:1")
        #expect(try servers.identity(at: "a:1") == identity("first"))
        try servers.note(identity("second"), at: "a:1")
        #expect(try servers.identity(at: "a:1") == identity("second"))
        #expect(try servers.identity(at: "a:12") == identity("other"))
        let text = try String(contentsOfFile: servers.path, encoding: .utf8)
        #expect(text.split(separator: "\n") == ["a:1 first", "a:12 other", "a:1 second"])
    }

    @Test("survive a line that was cut short, which is an error at its own address")
    func tornLine() throws {
        _ = try folder.write("known-servers", "a:1 first\nb:2 ")
        try servers.note(identity("third"), at: "c:3")
        #expect(try servers.identity(at: "a:1") == identity("first"))
        #expect(try servers.identity(at: "c:3") == identity("third"))
        let error = try #require(throws: ClientError.self) { try servers.identity(at: "b:2") }
        #expect(error.code == .trustedRootUnusable)
        #expect(error.description.contains(servers.path))
        #expect(error.description.contains("restore the file"))
    }

    @Test("cannot be noted if the folder cannot be created, and name the file")
    func noFolder() throws {
        let file = try folder.write("file", "")
        let error = try #require(throws: ClientError.self) {
            try KnownServers(in: file + "/roots").note(identity("x"), at: "a:1")
        }
        #expect(error.code == .trustedRootUnusable)
        #expect(error.description.contains(file + "/roots/known-servers"))
    }
}
