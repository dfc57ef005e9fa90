import Foundation
import ImmudbStore
import TestTools
import Testing

@Suite("Keys and values of text and data")
struct EntryBytesTests {
    @Test("are accepted wherever bytes are, with the same effect")
    func forms() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(at: folder.file("db").path)
        try await database.set("alice", "3f2a")
        try await database.set("alice", Data("4b".utf8))
        try await database.setBatch([
            NewEntry(key: "bob", value: "77"), .reference("newest", to: "bob"),
            try .member("bob", of: "by name", score: 2),
        ])
        try await database.addReference("first", to: "alice")
        try await database.addMember("alice", to: "by name", score: 1)
        let bytes = try await database.get(Array("alice".utf8))
        #expect(try await database.get("alice") == bytes && bytes?.text == "4b")
        #expect(try await database.get("nobody") == nil)
        #expect(try await database.get(many: ["bob", "nobody"]).map(\.text) == ["77"])
        #expect(try await database.getProven("first")?.entry.keyText == "alice")
        #expect(try await database.history(of: "alice").map(\.text) == ["4b", "3f2a"])
        #expect(try await database.scan(prefix: "", after: "alice").map(\.keyText) == ["bob"])
        #expect(try await database.count(prefix: "a") == 1)
        #expect(
            try await database.members(of: "by name").map(\.entry.keyText) == ["alice", "bob"])
        #expect(try await database.setProven("c", "d").entry.text == "d")
        #expect(try await database.addReferenceProven("e", to: "c").entry.keyText == "e")
        #expect(try await database.addMemberProven("c", to: "s", score: 3).entry.text == "c")

        let snapshot = database.snapshot
        #expect(try snapshot.get("alice") == bytes)
        #expect(try snapshot.contains("bob") && !snapshot.contains("nobody"))
        #expect(try snapshot.provenGet("alice", since: TreeSize(0))?.entry == bytes)
        #expect(try snapshot.history(of: "alice", limit: 1).map(\.text) == ["4b"])
        #expect(try snapshot.scan(prefix: "b").map(\.keyText) == ["bob"])
        #expect(try snapshot.count(prefix: "b") == 1)
        #expect(try snapshot.members(of: "by name", reverse: true).first?.score == 2)
        try database.close()
    }

    @Test("are printed with entries, and name a missing target")
    func printing() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(at: folder.file("db").path)
        try await database.set("alice", "3f2a")
        try await database.addReference("first", to: "alice")
        try await database.addMember("alice", to: "by name", score: 1)
        var shown: [String] = []
        for try await entry in database.entries() { shown.append("\(entry)") }
        #expect(
            shown == [
                "entry 0: \"alice\" = \"3f2a\"", "entry 1: reference \"first\" to \"alice\"",
                "entry 2: member \"alice\" of the set \"by name\", score 1.0",
            ])
        let error = await #expect(throws: StoreError.self) {
            try await database.addReference("second", to: "nobody")
        }
        #expect(error?.message.contains("\"nobody\"") == true)
        #expect(error?.localizedDescription == error?.description)
        try database.close()
    }
}
