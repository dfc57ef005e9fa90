import Foundation
import POSIX
import TestTools
import Testing

@Suite("Files that are replaced whole")
struct FileDraftTests {
    private let folder = TemporaryFolder()

    private var path: String { folder.file("file").path }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    private func content() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("have the old content until a draft is complete, and then the new one")
    func replace() throws {
        try "old".write(toFile: path, atomically: false, encoding: .utf8)
        let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
        try draft.write(Array("new ".utf8))
        try draft.write(Array("content".utf8))
        #expect(try content() == "old")
        try draft.replace()
        #expect(try content() == "new content")
        #expect(try names() == ["file"])
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("keep nothing of a draft that is not completed")
    func abandoned() throws {
        do {
            let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
            try draft.write(Array("half".utf8))
            #expect(try names().count == 1)
        }
        #expect(try names() == [])
    }

    @Test("take over a draft with a fixed suffix that a killed process has left")
    func fixedSuffix() throws {
        try "a longer draft of before".write(
            toFile: path + ".tmp", atomically: false, encoding: .utf8)
        let draft = try FileDraft(
            of: path, permissions: .ownerReadWrite, suffix: ".tmp", takesOver: true)
        try draft.write(Array("new".utf8))
        try draft.replace()
        #expect(try content() == "new")
        #expect(try names() == ["file"])
    }

    @Test("stay if they exist when another one would be created")
    func createUnlessThere() throws {
        for text in ["first", "second"] {
            let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
            try draft.write(Array(text.utf8))
            try draft.createUnlessThere()
        }
        #expect(try content() == "first")
        #expect(try names() == ["file"])
    }

    @Test("keep their content after a failure, which states the reason")
    func failures() throws {
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try FileDraft(of: folder.path + "/none/file", permissions: .ownerReadWrite)
        }
        // A folder cannot be replaced by a file.
        try FileManager.default.createDirectory(
            atPath: path + "/inside", withIntermediateDirectories: true)
        #expect(throws: Errno.isDirectory) {
            try FileDraft(of: path, permissions: .ownerReadWrite).replace()
        }
        #expect(try names() == ["file"])
    }

    @Test("are read to the end, or to the limit")
    func bytes() throws {
        let text = String(repeating: "0123456789", count: 20_000)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        for (limit, count) in [(0, 0), (7, 7), (200_000, 200_000), (1 << 20, 200_000)] {
            let file = try FileDescriptor.opening(path, .readOnly)
            let bytes = try file.closeAfter { try file.bytes(upTo: limit) }
            #expect(bytes == Array(text.utf8.prefix(count)))
        }
    }
}
