import ImmudbStore

// The embedded database of README.md; `PageTests` runs it, and compares the two.

enum ReadmeSnippets {
    static func embedded(in folder: String) async throws -> TrustedRoot {
        let database = try Database.open(at: "\(folder)/certificates")
        try await database.set("alice", "3f2a…")

        // With the proof that it is in the history, and that the history continues the one that was trusted: a root that
        // was kept, or none.
        var trusted = TrustedRoot.empty
        if let proven = try await database.getProven("alice", since: trusted.size) {
            try proven.proof.verify(proven.entry, since: trusted)
            trusted = proven.proof.tree
        }
        try database.close()
        return trusted
    }
}
