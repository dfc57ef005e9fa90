import Foundation
import Testing

@testable import immuclient

@Suite("The file of the token")
final class TokenFileTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("immuclient-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test("a token is written for its owner only, replaced, read and removed")
    func writing() throws {
        let file = TokenFile(path("token"))
        #expect(try file.read() == nil)
        for token in ["v2.public.one", "v2.public.two"] {
            try file.write(token)
            #expect(try file.read() == token)
            #expect(try mode("token") == 0o600)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["token"])
        // An older one that others could read.
        chmod(path("token"), 0o644)
        try file.write("v2.public.three")
        #expect(try mode("token") == 0o600)
        try file.remove()
        #expect(try file.read() == nil)
        try file.remove()
    }

    @Test("a name without a slash is a file of the home folder")
    func home() throws {
        let file = TokenFile("token", environment: ["HOME": folder.path])
        try file.write("t")
        #expect(try String(contentsOfFile: path("token"), encoding: .utf8) == "t")
        #expect(try file.read() == "t")
        try file.remove()
        #expect(!FileManager.default.fileExists(atPath: path("token")))
    }

    @Test("a device, a folder or a link is neither replaced nor removed")
    func notRegular() throws {
        let folderPath = path("folder")
        try FileManager.default.createDirectory(
            atPath: folderPath, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: path("link"), withDestinationPath: path("elsewhere"))
        let pipe = path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        for name in [folderPath, path("link"), pipe] {
            for action in [{ try TokenFile(name).write("t") }, { try TokenFile(name).remove() }] {
                let error = try #require(throws: ToolError.self) { try action() }
                #expect(error.description.contains("\(name) is there and is no regular file"))
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path("elsewhere")))
    }

    @Test("a file that holds no token is an error, line ends around one are none")
    func content() throws {
        let file = TokenFile(path("token"))
        for text in ["", "\n", "two words", "tök"] {
            try Data(text.utf8).write(to: folder.appendingPathComponent("token"))
            let error = try #require(throws: ToolError.self) { try file.read() }
            #expect(error.description.contains("holds no token: please login again"))
        }
        try Data("v2.x\r\n".utf8).write(to: folder.appendingPathComponent("token"))
        #expect(try file.read() == "v2.x")
        let missing = TokenFile(path("none/token"))
        #expect(try missing.read() == nil)
        let error = try #require(throws: ToolError.self) { try missing.write("t") }
        #expect(error.description.hasSuffix("none/token: No such file or directory"))
    }
}
