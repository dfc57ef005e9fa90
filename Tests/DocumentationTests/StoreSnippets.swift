import ImmudbStore

// The code of docs/store.md; `PageTests` runs it, and compares the two.

enum StoreSnippets {
    static func first(_ path: String) async throws -> Entry? {
        let database = try Database.open(at: path)
        try await database.set(Array("alice".utf8), Array("3f2a…".utf8))
        let entry = try await database.get(Array("alice".utf8))
        try database.close()
        return entry
    }

    static func keepRoot(_ database: Database, _ keptText: String) async throws -> String {
        var trusted = TrustedRoot(keptText) ?? .empty
        if let proven = try await database.getProven(Array("alice".utf8), since: trusted.size) {
            try proven.proof.verify(proven.entry, since: trusted)
            trusted = proven.proof.tree
        }
        let textToKeep = trusted.text
        return textToKeep
    }

    static func write(_ database: Database) async throws {
        try await database.setBatch([
            NewEntry(key: Array("invoice 7".utf8), value: Array("100 EUR".utf8)),
            .reference(Array("newest invoice".utf8), to: Array("invoice 7".utf8)),
            try .member(Array("invoice 7".utf8), of: Array("by amount".utf8), score: 100),
        ])
    }

    static func read(_ database: Database) async throws -> (versions: Int, invoices: Int) {
        let snapshot = database.snapshot
        let versions = try snapshot.history(of: Array("alice".utf8), limit: 10)
        let invoices = try snapshot.scan(prefix: Array("invoice".utf8))
        for try await entry in database.entries() {
            print(entry.index, entry.key.count, entry.value.count)
        }
        return (versions.count, invoices.count)
    }

    static func share(_ path: String) throws -> [Database] {
        var options = Database.Options()
        options.resources = try StoreResources()
        let first = try Database.open(at: path + "/first", options: options)
        let second = try Database.open(at: path + "/second", options: options)
        return [first, second]
    }
}
