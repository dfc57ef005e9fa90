import ClientKit
import Foundation
import ImmudbClient
import Testing

@testable import immuclient

@Suite("Roots for which receipts were written")
struct ReceiptRootsTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("receipt-roots-\(UUID().uuidString)").path

    private func roots(_ server: String = "x") throws -> ReceiptRoots {
        ReceiptRoots(of: try #require(ServerIdentity(server)), in: folder)
    }

    private func root(_ size: UInt64, _ digit: Character) throws -> TrustedRoot {
        let digest = try #require(Digest(hex: String(repeating: digit, count: 64)))
        return TrustedRoot(size: TreeSize(size), root: digest)
    }

    @Test("are found by size, root and server, and noted once")
    func noting() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try !roots().contains(root(7, "a")))
        for _ in 0..<2 { try roots().add(root(7, "a")) }
        try roots().add(root(8, "b"))
        #expect(try roots().contains(root(7, "a")))
        #expect(try roots().contains(root(8, "b")))
        #expect(try !roots().contains(root(7, "b")))
        #expect(try !roots().contains(root(17, "a")))
        #expect(try !roots("y").contains(root(7, "a")))
        let text = try String(contentsOfFile: folder + "/.receipts-x", encoding: .utf8)
        #expect(text.split(separator: "\n").count == 2)
    }

    @Test("survive a line that a full disk has cut short")
    func shortWrite() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("41 0123".utf8).write(to: URL(fileURLWithPath: folder + "/.receipts-x"))
        try roots().add(root(7, "a"))
        #expect(try roots().contains(root(7, "a")))
    }

    @Test("cannot be noted in a missing folder, and say so")
    func missingFolder() throws {
        let error = try #require(throws: ToolError.self) { try roots().add(root(1, "a")) }
        #expect(error.description.contains("No such file or directory. The folder of --dir must"))
    }
}
