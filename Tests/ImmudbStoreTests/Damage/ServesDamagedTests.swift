import Foundation
import HexEditor
import OwnThread
import StorageIO
import TestTools
import Testing

@testable import ImmudbStore

/// Databases whose ledger is damaged, opened for what is whole.
@Suite(.ownThread)
struct ServesDamagedTests {
    private static let count = 30
    private static let damaged: UInt64 = 12
    private let folder = TemporaryFolder()

    private func open(
        _ folder: TemporaryFolder, servesDamaged: Bool = true, segmentByteCount: UInt64 = 128 << 20
    ) throws -> Database {
        var options = Database.Options()
        options.servesDamaged = servesDamaged
        options.segmentByteCount = segmentByteCount
        return try Database.open(at: folder.path, options: options)
    }

    /// Makes entries, each in a frame of its own.
    private func fill(_ database: Database, valueByteCount: Int = 0) async throws {
        for number in 0..<Self.count {
            try await database.set(
                bytes("key \(number)"),
                bytes("value \(number)") + [UInt8](repeating: 1, count: valueByteCount))
        }
    }

    /// Makes a database and closes it.
    private func closed() async throws -> TrustedRoot {
        let database = try open(folder)
        try await fill(database)
        let root = database.snapshot.trustedRoot
        try database.close()
        return root
    }

    /// Makes a database, and leaves it as a process that is killed leaves it.
    private func killed(valueByteCount: Int = 0, segmentByteCount: UInt64) async throws
        -> (copy: TemporaryFolder, root: TrustedRoot)
    {
        let database = try open(folder, segmentByteCount: segmentByteCount)
        try await fill(database, valueByteCount: valueByteCount)
        let copy = try folder.copy()
        let root = database.snapshot.trustedRoot
        try database.close()
        return (copy, root)
    }

    private func ledger(_ folder: TemporaryFolder) throws -> [Data] {
        let path = "\(folder.path)/ledger"
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted().map {
            try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)"))
        }
    }

    /// Expects the entries to be there, by index and proven, but for those that are refused by their index.
    private func expect(
        _ database: Database, _ root: TrustedRoot, damaged: Set<UInt64>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let snapshot = database.snapshot
        #expect(snapshot.trustedRoot == root, sourceLocation: sourceLocation)
        for index in 0..<snapshot.size.rawValue {
            guard !damaged.contains(index) else {
                let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) {
                    try snapshot.entry(at: EntryIndex(index))
                }
                #expect(error?.code == .corruption, sourceLocation: sourceLocation)
                #expect(error?.damagedEntry?.rawValue == index, sourceLocation: sourceLocation)
                continue
            }
            let entry = try snapshot.entry(at: EntryIndex(index))
            #expect(entry.key == bytes("key \(index)"), sourceLocation: sourceLocation)
            try snapshot.proof(of: entry.index, since: TreeSize(5)).verify(entry, since: .empty)
        }
        #expect(database.damage != nil, sourceLocation: sourceLocation)
        #expect(database.health.failure?.code == .writesStopped, sourceLocation: sourceLocation)
    }

    private func expectRefusal(_ folder: TemporaryFolder) {
        #expect(throws: StoreError(.corruption, "")) { try open(folder, servesDamaged: false) }
    }

    @Test("reads and proves all entries but one, whatever byte of its frame is changed")
    func everyByte() async throws {
        let root = try await closed()
        let editor = HexEditor(folder.path)
        let record = try editor.record(of: Self.damaged)
        for byte in record.frame.range.lowerBound..<record.value.upperBound + 32 {
            let changed = try folder.copy()
            try HexEditor(changed.path).flip(HexEditor(changed.path).segment, byte: byte)
            let before = try ledger(changed)
            expectRefusal(changed)
            let database = try open(changed)
            let isInRecord = (record.range.lowerBound..<record.value.upperBound).contains(byte)
            try expect(database, root, damaged: isInRecord ? [Self.damaged] : [])
            #expect(database.damage?.first.entries.contains(EntryIndex(Self.damaged)) == true)
            #expect(try database.snapshot.get(bytes("key 29"))?.index == EntryIndex(29))
            await #expect(throws: StoreError(.writesStopped, "")) {
                try await database.set(bytes("more"), [])
            }
            try database.close()
            #expect(try ledger(changed) == before, "byte \(byte)")
            expectRefusal(changed)
        }
    }

    @Test(
        "reads and proves all entries, whatever byte of the segment's head is changed, but for its identity"
    )
    func everyByteOfHead() async throws {
        let root = try await closed()
        let (version, identity) = (8..<12, 16..<32)
        for byte in 0..<128 {
            let changed = try folder.copy()
            try HexEditor(changed.path).flip(HexEditor(changed.path).segment, byte: byte)
            #expect(throws: StoreError.self) { try open(changed, servesDamaged: false) }
            guard !version.contains(byte), !identity.contains(byte) else {
                #expect(throws: StoreError.self) { try open(changed) }
                continue
            }
            let database = try open(changed)
            try expect(database, root, damaged: [])
            try database.close()
        }
    }

    @Test("works as ever once the byte is mended")
    func mended() async throws {
        let root = try await closed()
        let editor = HexEditor(folder.path)
        let byte = try editor.record(of: Self.damaged).value.lowerBound
        try editor.flip(editor.segment, byte: byte)
        let damaged = try open(folder)
        damaged.check(lasting: .seconds(3))
        try damaged.close()
        try editor.flip(editor.segment, byte: byte)
        let database = try open(folder)
        #expect(database.damage == nil)
        #expect(database.snapshot.trustedRoot == root)
        try await database.set(bytes("more"), [])
        #expect(try database.snapshot.scan().count == Self.count + 1)
        try database.close()
    }

    @Test("refuses a key if the newest entry of it may be the damaged one, whose key is unknown")
    func unknownKey() async throws {
        let (copy, root) = try await killed(segmentByteCount: 128 << 20)
        let editor = HexEditor(copy.path)
        let byte = try editor.record(of: Self.damaged).value.lowerBound
        try editor.flip(editor.segment, byte: byte)
        try copy.remove("index")
        expectRefusal(copy)
        let database = try open(copy)
        try expect(database, root, damaged: [Self.damaged])
        let snapshot = database.snapshot
        #expect(try snapshot.get(bytes("key 20"))?.index == EntryIndex(20))
        for key in ["key 3", "key 12", "never written"] {
            let error = #expect(throws: StoreError.self) { try snapshot.get(bytes(key)) }
            #expect(error?.code == .corruption)
            #expect(error?.message.contains("from 12 up to before 13, are unknown") == true)
        }
        #expect(throws: StoreError(.corruption, "")) { try snapshot.scan() }
        #expect(throws: StoreError(.corruption, "")) { try snapshot.history(of: bytes("key 20")) }
        try database.close()

        try editor.flip(editor.segment, byte: byte)
        let mended = try open(copy)
        #expect(mended.damage == nil)
        #expect(try mended.snapshot.get(bytes("key 12"))?.index == EntryIndex(Self.damaged))
        try mended.close()
    }

    @Test("reads on behind damage in the segment before the newest, which a crash looks at")
    func segmentBefore() async throws {
        let (copy, root) = try await killed(valueByteCount: 3000, segmentByteCount: 64 << 10)
        #expect(try ledger(copy).count == 2)
        let editor = HexEditor(copy.path)
        try editor.flip(
            editor.segment, byte: try editor.record(of: Self.damaged).value.lowerBound + 100)
        let before = try ledger(copy)
        expectRefusal(copy)
        let database = try open(copy)
        try expect(database, root, damaged: [Self.damaged])
        try database.close()
        #expect(try ledger(copy) == before)
    }

    @Test("reads up to the damage if the tree is lost as well: what is behind it cannot be proven")
    func withoutTree() async throws {
        _ = try await closed()
        let editor = HexEditor(folder.path)
        try editor.flip(
            editor.segment, byte: try editor.record(of: Self.damaged).value.lowerBound)
        try folder.remove("tree")
        let database = try open(folder)
        #expect(database.snapshot.size == TreeSize(Self.damaged))
        try expect(database, database.snapshot.trustedRoot, damaged: [])
        #expect(
            database.damage?.first.entries
                == EntryIndex(Self.damaged)...EntryIndex(UInt64(Self.count) - 1))
        try database.close()
        expectRefusal(folder)
    }

    @Test("reads up to the end of a ledger whose last entries are gone, and keeps the evidence")
    func lostEnd() async throws {
        let (copy, _) = try await killed(segmentByteCount: 128 << 20)
        let editor = HexEditor(copy.path)
        let record = try editor.record(of: 27)
        try editor.edit(editor.segment) { bytes in
            for place in record.frame.range.lowerBound..<bytes.count { bytes[place] = 0 }
        }
        expectRefusal(copy)
        let database = try open(copy)
        #expect(database.snapshot.size == TreeSize(27))
        try expect(database, database.snapshot.trustedRoot, damaged: [])
        #expect(database.damage?.first.entries.lowerBound == EntryIndex(27))
        try database.close()
        expectRefusal(copy)
    }

    @Test("does nothing for a database that is whole")
    func whole() async throws {
        let root = try await closed()
        let database = try open(folder)
        #expect(database.damage == nil)
        #expect(database.snapshot.trustedRoot == root)
        try await database.set(bytes("more"), [])
        try database.close()
    }
}
