import HexEditor
import ImmudbOperations
import ImmudbStore
import OwnThread
import TestTools
import Testing

/// What operations say of damage that was found.
@Suite("Damaged entries", .ownThread)
struct DamageTests {
    private let folder = TemporaryFolder()
    private let other = TemporaryFolder()

    private func open(_ folder: TemporaryFolder) async throws -> Database {
        let database = try Database.open(at: folder.path)
        for number in 0..<3 { try await database.set("key \(number)", "value") }
        return database
    }

    /// Changes an entry, and has a read find that.
    private func damage(_ database: Database) throws {
        try HexEditor(database.path).changeValue(of: 1, mending: .record)
        #expect(throws: StoreError(.tampered, "")) {
            try database.snapshot.entry(at: EntryIndex(1))
        }
    }

    @Test("refuse writes, and reads unless they are served", arguments: [false, true])
    func own(servesDamaged: Bool) async throws {
        let database = try await open(folder)
        let operations = try DatabaseOperations(
            on: database, answerLimit: .init(byteCount: 1 << 20, entryOverheadByteCount: 0),
            servesDamaged: servesDamaged)
        #expect(operations.damage == nil)
        #expect(operations.health().isWhole)
        try damage(database)
        let state = try #require(operations.damage)
        #expect(state.report.first.isTampering)
        #expect(state.refusesReads == !servesDamaged)
        let health = operations.health()
        #expect(!health.isWhole)
        #expect(!health.takesWrites)
        #expect(health.answersReads == servesDamaged)
        try database.close()
    }

    @Test("of a database beside it are bad health, and refuse nothing")
    func companion() async throws {
        let database = try await open(folder)
        let companion = try await open(other)
        let operations = try DatabaseOperations(
            on: database, answerLimit: .init(byteCount: 1 << 20, entryOverheadByteCount: 0),
            beside: [companion])
        #expect(operations.health().isWhole)
        try damage(companion)
        let health = operations.health()
        #expect(!health.isWhole)
        #expect(health.takesWrites && health.answersReads)
        #expect(operations.damage == nil)
        try companion.close()
        try database.close()
    }
}
