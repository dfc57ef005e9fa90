import Foundation
import ImmudbStore
import OwnThread
import StorageIO
import TestTools
import Testing

/// A pipe, a folder, a socket or a device in place of each file of a database: nothing waits for it, and each command says
/// what it is.
@Suite(.ownThread, .timeLimit(.minutes(2)))
struct OtherThanFileTests {
    /// A closed database with some entries.
    private func folder() async throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        let database = try Database.open(at: folder.path)
        for number in 0..<5 {
            try await database.set(Array("key \(number)".utf8), Array("value \(number)".utf8))
        }
        try database.close()
        return folder
    }

    private static let segment = "ledger/0000000000.segment"

    /// The files of the key index that a check reads, by their beginnings.
    private func indexFiles(_ folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/index")
            .filter { $0 == "CURRENT" || $0.hasPrefix("MANIFEST") || $0.hasSuffix(".sst") }
            .map { "index/\($0)" }
    }

    @Test("are named by a check, in place of any file", arguments: OtherThanFile.allCases)
    func verify(kind: OtherThanFile) async throws {
        let folder = try await folder()
        let indexFiles = try indexFiles(folder)
        #expect(indexFiles.count >= 3)
        for name in [Self.segment, "tree/digests", "tree/places"] + indexFiles {
            let changed = try folder.copy()
            try kind.make(at: "\(changed.path)/\(name)")
            let report = try Database.verify(at: changed.path)
            let place =
                name.hasPrefix("index") ? "\(changed.path)/index" : "\(changed.path)/\(name)"
            let problem = try #require(
                report.problems.first { $0.file == place }, "\(name): \(report.problems)")
            #expect(problem.what.contains("is a \(kind)"), "\(problem)")
            #expect(problem.kind == (name == Self.segment ? .missing : .view))
        }
    }

    @Test(
        "keep a database from being opened, or are replaced by a new view",
        arguments: OtherThanFile.allCases)
    func open(kind: OtherThanFile) async throws {
        let folder = try await folder()
        for name in [Self.segment, "LOCK", "check", "tree/digests", "tree/places"]
            + (try indexFiles(folder))
        {
            let changed = try folder.copy()
            try kind.make(at: "\(changed.path)/\(name)")
            var isOpened = false
            do throws(StoreError) {
                let database = try Database.open(at: changed.path)
                #expect(database.snapshot.size.rawValue == 5)
                try database.close()
                isOpened = true
            } catch {
                #expect("\(error)".contains("\(changed.path)/\(name)"), "\(error)")
            }
            let isView = name == "check" || name.hasPrefix("tree") || name.hasPrefix("index")
            // A folder may hold something: the operator removes it.
            if kind != .folder { #expect(isOpened == isView, "\(name)") }
            if isOpened { #expect(try Database.verify(at: changed.path).isWhole, "\(name)") }
        }
    }

    @Test("are replaced by a repair", arguments: OtherThanFile.allCases)
    func repair(kind: OtherThanFile) async throws {
        let folder = try await folder()
        let changed = try folder.copy()
        try kind.make(at: "\(changed.path)/\(Self.segment)")
        if kind == .folder {
            // It may hold something.
            #expect(throws: StoreError(.io, "")) {
                try Database.repair(at: changed.path, from: .folder(folder.path))
            }
            return
        }
        let report = try Database.repair(at: changed.path, from: .folder(folder.path))
        #expect(report.isRepaired, "\(report.failures)")
        #expect(try Database.verify(at: changed.path).isWhole)
    }
}
