import Foundation
import ImmudbStore

// The code of docs/store.md; `PageTests` runs it, and compares the two.

enum StoreSnippets {
    static func first(_ path: String) async throws {
        let database = try Database.open(at: path)
        try await database.set("alice", "3f2a…")
        if let entry = try await database.get("alice") { print(entry) }
        try database.close()
    }

    static func keepRoot(_ database: Database, _ rootFile: String) async throws -> String {
        let file = URL(fileURLWithPath: rootFile)
        var trusted = TrustedRoot.empty
        if FileManager.default.fileExists(atPath: file.path) {
            let keptText = try String(contentsOf: file, encoding: .utf8)
            guard let kept = TrustedRoot(keptText) else {
                fatalError("\(file.path) holds no root: restore it")
            }
            trusted = kept
        }
        if let proven = try await database.getProven("alice", since: trusted.size) {
            try proven.proof.verify(proven.entry, since: trusted)
            trusted = proven.proof.tree
        }
        let textToKeep = trusted.text
        try textToKeep.write(to: file, atomically: true, encoding: .utf8)
        return textToKeep
    }

    static func write(_ database: Database) async throws {
        try await database.setBatch([
            NewEntry(key: "invoice 7", value: "100 EUR"),
            .reference("newest invoice", to: "invoice 7"),
            try .member("invoice 7", of: "by amount", score: 100),
        ])
    }

    static func fail(_ database: Database) async throws -> StoreError.Code? {
        do {
            try await database.set("", "no key is empty")
        } catch {
            switch error.code {
            case .outcomeUnknown: print("stored or not: look before you write it again")
            case .noSpace, .writesStopped: print("not stored, and later ones will not be: \(error)")
            default: print("not stored: \(error)")
            }
            return error.code
        }
        return nil
    }

    static func read(
        _ database: Database
    ) async throws -> (versions: Int, invoices: Int, alice: Int) {
        let versions = try await database.history(of: "alice", limit: 10)
        let invoices = try await database.scan(prefix: "invoice")
        for try await entry in database.entries() { print(entry) }
        let snapshot = database.snapshot
        let counts = try await database.reading { () throws(StoreError) in
            (
                alice: try snapshot.history(of: "alice").count,
                invoices: try snapshot.count(prefix: "invoice")
            )
        }
        precondition(counts.invoices >= invoices.count)
        return (versions.count, invoices.count, counts.alice)
    }

    static func share(_ path: String) throws -> [Database] {
        var options = Database.Options()
        options.resources = try StoreResources()
        let first = try Database.open(at: path + "/first", options: options)
        let second = try Database.open(at: path + "/second", options: options)
        return [first, second]
    }
}
