import ImmudbStore
import OwnThread
import TestTools
import Testing

@Suite(.ownThread)
struct ReferenceTests {
    @Test("returns its target's newest entry, one level deep, and has a history of its own")
    func references() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("target"), bytes("v"))
        #expect(try await database.addReference(bytes("ref"), to: bytes("target")).rawValue == 1)
        try await database.addReference(bytes("refref"), to: bytes("ref"))
        try await database.set(bytes("target"), bytes("w"))
        #expect(try await database.get(bytes("ref"))?.index == EntryIndex(3))
        #expect(try await database.get(bytes("ref"))?.key == bytes("target"))
        #expect(try await database.get(bytes("refref"))?.value == bytes("target"))
        #expect(try await database.history(of: bytes("ref")).map(\.value) == [bytes("target")])
        #expect(try await database.entry(at: EntryIndex(1)).key == bytes("ref"))
        let proven = try #require(try await database.getProven(bytes("ref")))
        #expect(proven.entry.index == EntryIndex(3))
        try proven.proof.verify(proven.entry, since: .empty)
        // A name can become an ordinary key, and a key a name.
        try await database.set(bytes("ref"), bytes("own"))
        #expect(try await database.get(bytes("ref"))?.value == bytes("own"))
        try await database.addReference(bytes("target"), to: bytes("target"))
        #expect(try await database.get(bytes("target"))?.kind == .reference)
    }

    @Test("has a verified form whose leaf is that of the stored entry, as a member has")
    func verified() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("target"), bytes("v"))
        let before = database.snapshot
        let reference = try await database.addReferenceProven(
            bytes("ref"), to: bytes("target"), since: before.size)
        #expect(reference.entry == (try await database.entry(at: EntryIndex(1))))
        try reference.proof.verify(reference.entry, since: before.trustedRoot)
        let member = try await database.addMemberProven(
            bytes("target"), to: bytes("set"), score: 1.5, since: before.size)
        #expect(member.entry == (try await database.entry(at: EntryIndex(2))))
        #expect(
            member.entry.key == bytes("set") + [0x3F, 0xF8, 0, 0, 0, 0, 0, 0] + bytes("target"))
        #expect(member.entry.value == bytes("target"))
        try member.proof.verify(member.entry, since: before.trustedRoot)
    }

    @Test("is refused with its whole batch if it names a key that was never written")
    func missingTargets() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), bytes("1"))
        try await database.addMember(bytes("a"), to: bytes("set"), score: 1)
        let root = database.snapshot.root
        let setKey = SortedSetKey(set: bytes("set"), score: 1, member: bytes("a")).bytes
        let missing = StoreError(.keyNotFound, "")
        let good = NewEntry(key: bytes("b"), value: [])
        let batches: [[NewEntry]] = [
            [.reference(bytes("ref"), to: bytes("b"))],
            [good, .reference(bytes("ref"), to: bytes("c"))],
            // The target comes later in the batch, is the reference itself, or is a set's entry,
            // which is not a key.
            [.reference(bytes("ref"), to: bytes("b")), good],
            [.reference(bytes("ref"), to: bytes("ref"))],
            [.reference(bytes("ref"), to: setKey)],
            [good, try .member(bytes("c"), of: bytes("set"), score: 0)],
            [try .member(setKey, of: bytes("set"), score: 0)],
        ]
        for batch in batches {
            let error = await #expect(throws: missing) { try await database.setBatch(batch) }
            #expect(error?.code == .keyNotFound)
        }
        await #expect(throws: missing) {
            try await database.addReference(bytes("ref"), to: bytes("b"))
        }
        await #expect(throws: missing) {
            try await database.addMemberProven(bytes("b"), to: bytes("set"), score: 0)
        }
        // The blocking call refuses it, too.
        let refused = await withCheckedContinuation { continuation in
            database.append(batches[0]) { continuation.resume(returning: $0) }
        }
        #expect(throws: missing) { try refused.get() }
        #expect(database.snapshot.root == root)
    }

    @Test("may be in a batch with its key and a member that names it")
    func targetsInTheBatch() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.setBatch([
            NewEntry(key: bytes("b"), value: bytes("1")),
            .reference(bytes("ref"), to: bytes("b")),
            try .member(bytes("ref"), of: bytes("set"), score: 2),
            .reference(bytes("refref"), to: bytes("ref")),
            NewEntry(key: bytes("b"), value: bytes("2")),
        ])
        #expect(try await database.get(bytes("ref"))?.value == bytes("2"))
        let members = try await database.members(of: bytes("set"))
        #expect(members.map(\.entry.index) == [EntryIndex(1)])
        #expect(members.map(\.setEntryIndex) == [EntryIndex(2)])
    }

    @Test("reports the first of several faults in the order of the wire")
    func order() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), [])
        let long = [UInt8](repeating: 1, count: 65_001)
        let references: [([UInt8], [UInt8], StoreError.Code)] = [
            ([], [], .invalidKey), ([], [0], .invalidKey), ([], bytes("a"), .invalidReference),
            ([0, 1], bytes("a"), .invalidReference), (bytes("!badger!x"), bytes("a"), .invalidKey),
            (long, bytes("a"), .keyTooLong), (long, bytes("x"), .keyTooLong),
            (bytes("r"), bytes("x"), .keyNotFound),
        ]
        for (name, key, code) in references {
            await #expect(throws: StoreError(code, ""), "\(name.prefix(9)) to \(key)") {
                try await database.addReference(name, to: key)
            }
        }
        let members: [([UInt8], [UInt8], Double, StoreError.Code)] = [
            ([], [], .nan, .invalidKey), ([0], bytes("s"), 1, .invalidKey),
            (bytes("a"), [], .nan, .invalidSet), (bytes("a"), [0, 1], 1, .invalidSet),
            (bytes("a"), bytes("s"), .nan, .invalidScore),
            (bytes("a"), bytes("s"), .signalingNaN, .invalidScore),
            (bytes("a"), bytes("s"), -.nan, .invalidScore),
            (bytes("a"), bytes("!badger!"), 1, .invalidKey),
            (bytes("a"), Array(long.dropLast(9)), 1, .keyTooLong),
            (bytes("x"), bytes("s"), 1, .keyNotFound),
        ]
        for (member, set, score, code) in members {
            await #expect(throws: StoreError(code, ""), "\(member) of \(set.prefix(9)) \(score)") {
                try await database.addMember(member, to: set, score: score)
            }
        }
        // Entries made by hand are refused as well.
        let nan = SortedSetKey(set: bytes("s"), score: .nan, member: bytes("a")).bytes
        let other = SortedSetKey(set: bytes("s"), score: 1, member: bytes("b")).bytes
        for (key, code) in [(nan, StoreError.Code.invalidScore), (other, .invalidKey)] {
            let entry = NewEntry(kind: .sortedSetMember, key: key, value: bytes("a"))
            await #expect(throws: StoreError(code, "")) { try await database.setBatch([entry]) }
        }
        #expect(database.snapshot.size == TreeSize(1))
        let longest = Array(long.dropLast(10))
        #expect(
            try await database.addMember(bytes("a"), to: longest, score: 1) == EntryIndex(1))
    }
}
