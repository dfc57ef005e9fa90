import Foundation
import TestTools
import Testing

@testable import ProgramKit

@Suite("The file of the token")
struct TokenFileTests {
    private let folder = TemporaryFolder()

    private func path(_ name: String) -> String { folder.file(name).path }

    private func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test("is written for its owner only, replaced, read and removed")
    func writing() throws {
        let file = TokenFile(path("token"))
        #expect(try file.read() == nil)
        for token in ["v2.public.one", "v2.public.two"] {
            try file.write(token)
            #expect(try file.read() == token)
            #expect(try mode("token") == 0o600)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["token"])
        // An older file that others can read.
        chmod(path("token"), 0o644)
        try file.write("v2.public.three")
        #expect(try mode("token") == 0o600)
        try file.remove()
        #expect(try file.read() == nil)
        try file.remove()
    }

    @Test("is in the home folder if its name has no slash")
    func home() throws {
        let file = TokenFile("token", environment: ["HOME": folder.path])
        try file.write("v2.public.t")
        #expect(try String(contentsOfFile: path("token"), encoding: .utf8) == "v2.public.t")
        #expect(try file.read() == "v2.public.t")
        try file.remove()
        #expect(!FileManager.default.fileExists(atPath: path("token")))
    }

    @Test("is neither replaced nor removed if it is a device, a folder or a link")
    func notRegular() throws {
        let folderPath = path("folder")
        try FileManager.default.createDirectory(
            atPath: folderPath, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: path("link"), withDestinationPath: path("elsewhere"))
        let pipe = path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        for name in [folderPath, path("link"), pipe] {
            for action in [
                { try TokenFile(name).write("v2.public.t") }, { try TokenFile(name).remove() },
            ] {
                let error = try #require(throws: TokenFileError.self) { try action() }
                #expect(error.description.contains("\(name) exists and is not a regular file"))
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path("elsewhere")))
    }

    @Test(
        "is neither replaced nor removed if it is another user's; a token beside it is"
    )
    func somebodyElses() throws {
        for text in ["", "ghp_secret", "v2.local.abc", "my notes on v2.public."] {
            let foreign = URL(fileURLWithPath: path("token"))
            try Data(text.utf8).write(to: foreign)
            let file = TokenFile(path("token"))
            for action in [{ try file.write("v2.public.t") }, { try file.remove() }] {
                let error = try #require(throws: TokenFileError.self) { try action() }
                #expect(
                    error.description.contains("\(foreign.path) does not hold a token of immudb"))
                #expect(error.description.contains("--tokenfile"))
            }
            #expect(try Data(contentsOf: foreign) == Data(text.utf8))
        }

        // The home folder has a token, the current one a file of another program.
        let home = path("home")
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        let name = "immuclient-test-\(UUID().uuidString)"
        try Data("notes".utf8).write(to: URL(fileURLWithPath: name))
        defer { unlink(name) }
        let file = TokenFile(name, environment: ["HOME": home])
        // A file that cannot be read again would be in the way of later logins.
        for text in [
            "tok", "", "v2.public.a\nb", "v2.public." + String(repeating: "t", count: 70_000),
        ] {
            #expect(throws: TokenFileError.self) { try file.write(text) }
        }
        try file.write("v2.public.t")
        try file.remove()
        #expect(try FileManager.default.contentsOfDirectory(atPath: home) == [])
        #expect(try String(contentsOfFile: name, encoding: .utf8) == "notes")
        #expect(throws: TokenFileError.self) { try file.remove() }
    }

    @Test("is refused if it holds no token, but may have line ends around one")
    func content() throws {
        let file = TokenFile(path("token"))
        for text in ["", "\n", "two words", "v2.public.two words", "v2.public.tök", "ghp_abc"] {
            try Data(text.utf8).write(to: folder.file("token"))
            let error = try #require(throws: TokenFileError.self) { try file.read() }
            #expect(
                error.description.contains("token does not hold a token of immudb and is not sent"))
            #expect(error.description.contains("--tokenfile"))
        }
        try Data("v2.public.x\r\n".utf8).write(to: folder.file("token"))
        #expect(try file.read() == "v2.public.x")
        let missing = TokenFile(path("none/token"))
        #expect(try missing.read() == nil)
        let error = try #require(throws: TokenFileError.self) { try missing.write("v2.public.t") }
        #expect(error.description.hasSuffix("none/token: No such file or directory"))
    }
}
