import Crypto
import Foundation
import Synchronization
import TestTools
import Testing

@testable import ImmudbAccounts

@Suite("The key file of tokens")
struct SigningKeyTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("immudbsys.key").path }

    private func load() throws -> SigningKey { try .loadOrCreate(path, log: { _, _ in }) }

    private func permissions() throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("is created once, readable by its owner only, and then read")
    func making() throws {
        let key = try load()
        #expect(try permissions() == 0o600)
        #expect(try load().secret.rawRepresentation == key.secret.rawRepresentation)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["immudbsys.key"])
    }

    @Test("is closed to other users, with a warning")
    func openFile() throws {
        _ = try load()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let lines = Mutex<[String]>([])
        _ = try SigningKey.loadOrCreate(path) { level, line in lines.withLock { $0.append(line) } }
        #expect(try permissions() == 0o600)
        #expect(lines.withLock { $0.count } == 1)
        #expect(lines.withLock { $0.first?.contains(path) } == true)
    }

    @Test("is an error that names it if any byte is damaged, and stays unchanged")
    func damage() throws {
        _ = try load()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var files = [Data(), whole.dropLast(), whole + Data([10]), Data(repeating: 0, count: 172)]
        for position in whole.indices {
            var changed = whole
            changed[position] ^= 1
            files.append(changed)
        }
        for file in files {
            try file.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: SystemFolderError.self) { try load() }
            #expect(error?.message.contains(path) == true)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == file)
        }
    }
}
