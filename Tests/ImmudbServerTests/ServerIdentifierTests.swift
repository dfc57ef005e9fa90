import Foundation
import TestTools
import Testing

@testable import ImmudbServer

@Suite("The server's identifier")
struct ServerIdentifierTests {
    @Test(
        "is written as the original writes it",
        arguments: [
            ("6b033de3686c82941a0cad3e", "dc1jror8di1986gclkv0"),
            ("000000000000000000000000", "00000000000000000000"),
            ("ffffffffffffffffffffffff", "vvvvvvvvvvvvvvvvvvvg"),
            ("000102030405060708090a0b", "000g40o40k30e209185g"),
        ])
    func text(hex: String, text: String) throws {
        let digits = Array(hex)
        let bytes = try stride(from: 0, to: digits.count, by: 2).map {
            try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16))
        }
        let identifier = try #require(ServerIdentifier(bytes))
        #expect(identifier.description == text)
    }

    @Test("is drawn once, then read")
    func createdOnce() throws {
        try withFolder { folder in
            let first = try ServerIdentifier.loadOrCreate(in: folder.path)
            let file = folder.appendingPathComponent("immudb.identifier")
            #expect(try Array(Data(contentsOf: file)) == first.bytes)
            #expect(try ServerIdentifier.loadOrCreate(in: folder.path + "/") == first)
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(files == ["immudb.identifier"])
        }
        try withFolder { folder in
            let other = try ServerIdentifier.loadOrCreate(in: folder.path)
            #expect(other != ServerIdentifier(Array(repeating: 0, count: 12)))
        }
    }

    @Test("is the same for all servers that start at once")
    func race() async throws {
        let folder = TemporaryFolder()
        let found = try await withThrowingTaskGroup(of: ServerIdentifier.self) { group in
            for _ in 0..<8 {
                group.addTask { try ServerIdentifier.loadOrCreate(in: folder.path) }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(found.count == 1)
    }

    @Test(
        "is an error that names the file if its length is wrong", arguments: [0, 1, 11, 13, 1000])
    func damaged(byteCount: Int) throws {
        try withFolder { folder in
            let file = folder.appendingPathComponent("immudb.identifier")
            try Data(count: byteCount).write(to: file)
            let error = try #require(throws: ServerStartError.self) {
                try ServerIdentifier.loadOrCreate(in: folder.path)
            }
            #expect(error.message.contains(file.path))
            #expect(error.message.contains("damaged"))
            #expect(try Data(contentsOf: file).count == byteCount)
        }
    }

    private func withFolder(_ test: (URL) throws -> Void) throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        try test(folder.url)
    }
}
