import Foundation
import ImmudbStore
import OwnThread
import StorageIO
import TestTools
import Testing

/// The database's errors and behaviour when its files have changed.
@Suite(.ownThread)
struct DamageTests {
    /// Makes a closed database of 300 entries.
    private func filled() async throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        for batch in 0..<30 {
            try await database.setBatch(
                (0..<10).map {
                    NewEntry(key: bytes("key \(batch)-\($0)"), value: bytes("value \($0)"))
                })
        }
        try database.close()
        return folder
    }

    private func expectAllThere(_ database: Database, root: Digest) throws {
        let snapshot = database.snapshot
        #expect(snapshot.size == TreeSize(300))
        #expect(snapshot.root == root)
        for index in 0..<300 {
            let entry = try #require(try snapshot.get(bytes("key \(index / 10)-\(index % 10)")))
            #expect(entry.index == EntryIndex(UInt64(index)))
            try snapshot.proof(of: entry.index, since: TreeSize(0)).verify(entry, since: .empty)
        }
    }

    private func root(of folder: TemporaryFolder) throws -> Digest {
        let database = try Database.open(in: folder)
        defer { try? database.close() }
        return database.snapshot.root
    }

    @Test(
        "rebuilds a missing view from the ledger",
        arguments: [["tree"], ["index"], ["tree/digests"], ["tree/places"], ["tree", "index"]])
    func missingViews(names: [String]) async throws {
        let folder = try await filled()
        let root = try root(of: folder)
        for name in names { try folder.remove(name) }
        let database = try Database.open(in: folder)
        try expectAllThere(database, root: root)
        _ = try await database.set(bytes("more"), [])
    }

    @Test("rebuilds a view of another database")
    func foreignViews() async throws {
        let folder = try await filled()
        let root = try root(of: folder)
        let other = try await filled()
        for name in ["tree", "index"] {
            let mixed = try folder.copy()
            try mixed.replace(name, by: other)
            try expectAllThere(try Database.open(in: mixed), root: root)
        }
    }

    @Test("returns nothing of another key's entry that the key index names")
    func indexOfAnotherHistory() async throws {
        let folder = try await filled()
        let fork = try folder.copy()
        for (place, key) in [(folder, "here"), (fork, "there")] {
            let database = try Database.open(in: place)
            try await database.set(bytes(key), bytes("value"))
            try database.close()
        }
        try folder.replace("index", by: fork)
        let database = try Database.open(in: folder)
        let error = #expect(throws: StoreError.self) {
            try database.snapshot.get(bytes("there"))
        }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("names entry 300, which has another key") == true)
        #expect(throws: StoreError(.corruption, "")) {
            try database.snapshot.history(of: bytes("there"))
        }
        #expect(throws: StoreError(.corruption, "")) { try database.snapshot.scan() }
        try database.close()
    }

    @Test(
        "rebuilds an index ahead of the ledger, and takes a tree ahead of it as evidence of loss")
    func viewsAhead() async throws {
        let folder = try await filled()
        let root = try root(of: folder)
        let ahead = try folder.copy()
        let longer = try Database.open(in: ahead)
        try await longer.set(bytes("more"), [])
        try longer.close()

        let lost = try folder.copy()
        try lost.replace("tree", by: ahead)
        let error = #expect(throws: StoreError.self) { try Database.open(in: lost) }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("entry 300") == true)

        try folder.replace("index", by: ahead)
        let database = try Database.open(in: folder)
        try expectAllThere(database, root: root)
        // Another entry gets the index of the one that only the key index had.
        let index = try await database.set(bytes("other"), bytes("value"))
        #expect(index == EntryIndex(300))
        #expect(try await database.get(bytes("other"))?.index == EntryIndex(300))
        #expect(try await database.get(bytes("more")) == nil)
        try database.close()
    }

    @Test("reports damaged bytes of the key index, which the next opening rebuilds")
    func rottenIndex() async throws {
        let folder = try await filled()
        let root = try root(of: folder)
        let tables = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/index")
            .filter { $0.hasSuffix(".sst") }
        #expect(!tables.isEmpty)
        for table in tables {
            let byteCount = try folder.byteCount(of: "index/\(table)")
            for byte in stride(from: 0, to: min(4000, byteCount), by: 50) {
                try folder.flip("index/\(table)", byte: byte)
            }
        }
        let database = try Database.open(in: folder)
        for index in 0..<300 {
            do {
                let entry = try database.snapshot.get(bytes("key \(index / 10)-\(index % 10)"))
                #expect(entry?.index == EntryIndex(UInt64(index)))
            } catch {
                #expect([.corruption, .index].contains(error.code), "\(error)")
            }
        }
        try? database.close()
        try expectAllThere(try Database.open(in: folder), root: root)
    }

    @Test("detects acknowledged entries that are missing at the ledger's end")
    func zeroedTail() async throws {
        let folder = try await filled()
        let database = try Database.open(in: folder)
        for number in 0..<5 { try await database.set(bytes("\(number)"), []) }
        let crashed = try folder.copy()
        try database.close()
        let segment = URL(fileURLWithPath: "\(crashed.path)/ledger/0000000000.segment")
        var file = try Data(contentsOf: segment)
        // Five frames of 48 + 16 + 1 + 32 bytes. The disk returns zeros in the middle of them.
        let end = (file.lastIndex { $0 != 0 } ?? 0) + 1
        file.resetBytes(in: end - 3 * 97..<end)
        try file.write(to: segment)
        let error = #expect(throws: StoreError.self) { try Database.open(in: crashed) }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("entry 302") == true)
    }

    @Test(
        "reports every flipped bit of the tree files that matters, and never proves with it"
    )
    func flippedTree() async throws {
        let folder = try await filled()
        let root = try root(of: folder)
        for name in ["tree/digests", "tree/places"] {
            for byte in [0, 9, 13, 20, 33, 45] + Array(stride(from: 4096, to: 6400, by: 61)) {
                let changed = try folder.copy()
                try changed.flip(name, byte: byte)
                let database = try Database.open(in: changed)
                #expect(database.snapshot.root == root)
                for index in (0..<300).map({ EntryIndex($0) }) {
                    do {
                        let entry = try database.snapshot.entry(at: index)
                        #expect(entry.value == bytes("value \(index.rawValue % 10)"))
                        let proof = try database.snapshot.proof(of: index, since: TreeSize(100))
                        try proof.verify(entry, since: .empty)
                    } catch let error as StoreError {
                        #expect([.corruption, .tampered].contains(error.code), "\(error)")
                    }
                }
                do throws(StoreError) {
                    let all = try database.snapshot.entries(from: EntryIndex(0), limit: .max)
                    #expect(all.map(\.index.rawValue) == Array(0..<300))
                    #expect(all.allSatisfy { $0.value == bytes("value \($0.index.rawValue % 10)") })
                } catch {
                    #expect([.corruption, .tampered].contains(error.code), "\(error)")
                }
                // A restart repairs the damage.
                try database.close()
            }
        }
    }

    @Test("finds an entry although its position is damaged", arguments: 0..<8)
    func damagedPosition(byte: Int) async throws {
        let folder = try await filled()
        try folder.flip("tree/places", byte: 4096 + 8 * 137 + byte)
        let log = LogLines()
        let database = try Database.open(in: folder, log: log)
        let snapshot = database.snapshot
        let entry = try snapshot.entry(at: EntryIndex(137))
        #expect(entry.key == bytes("key 13-7") && entry.value == bytes("value 7"))
        try snapshot.proof(of: entry.index, since: TreeSize(0)).verify(entry, since: .empty)
        #expect(log.all.contains { $0.contains("the position of entry 137 is wrong") })
        try database.close()
        try expectAllThere(try Database.open(in: folder), root: snapshot.root)
    }

    @Test("finds an entry in a walk over all of them although its position is damaged")
    func damagedPositionInWalk() async throws {
        let folder = try await filled()
        try folder.flip("tree/places", byte: 4096 + 8 * 137)
        let database = try Database.open(in: folder)
        let all = try database.snapshot.entries(from: EntryIndex(0), limit: .max)
        #expect(all.map(\.index.rawValue) == Array(0..<300))
        try database.close()
    }

    @Test(
        "reports a damaged digest as damage, not as tampering, and repairs it at the next opening",
        arguments: [true, false])
    func mended(isFoundByProof: Bool) async throws {
        let folder = try await filled()
        let root = try root(of: folder)
        try folder.flip("tree/digests", byte: 4096 + 5)
        let database = try Database.open(in: folder)
        #expect(throws: StoreError(.corruption, "")) {
            if isFoundByProof {
                _ = try database.snapshot.proof(of: EntryIndex(0), since: TreeSize(0))
            } else {
                _ = try database.snapshot.entry(at: EntryIndex(0))
            }
        }
        try database.close()
        try expectAllThere(try Database.open(in: folder), root: root)
    }

    @Test("D23: detects an entry that was changed together with its checksums by its leaf")
    func tampered() async throws {
        let folder = try await filled()
        let segment = "\(folder.path)/ledger/0000000000.segment"
        var file = Array(try Data(contentsOf: URL(fileURLWithPath: segment)))
        let old = bytes("key 3-7value 7")
        let place = try #require(
            file.indices.first { file[$0...].starts(with: old) })
        file[place + old.count - 1] = UInt8(ascii: "8")
        // The attacker corrects the record's checksum, and with or without the frame's.
        let recordStart = place - 16
        var crc = CRC32C()
        crc.update(UInt64(37))
        file[recordStart..<recordStart + 12].withUnsafeBytes { crc.update($0) }
        file[place..<place + old.count].withUnsafeBytes { crc.update($0) }
        withUnsafeBytes(of: crc.value.littleEndian) {
            file.replaceSubrange(recordStart + 12..<recordStart + 16, with: $0)
        }
        let database = try Database.open(in: folder)
        // Changed while the database is open, so that no recovery sees it.
        let handle = try #require(FileHandle(forWritingAtPath: segment))
        try handle.write(contentsOf: Data(file))
        try handle.close()
        let error = #expect(throws: StoreError.self) {
            try database.snapshot.entry(at: EntryIndex(37))
        }
        #expect(error?.code == .tampered)
        #expect(error?.message == "entry 37 does not match its leaf")
        #expect(throws: StoreError(.tampered, "")) { try database.snapshot.get(bytes("key 3-7")) }
        let snapshot = database.snapshot
        #expect(throws: StoreError(.tampered, "")) { try snapshot.scan() }
        #expect(throws: StoreError(.tampered, "")) {
            try snapshot.entries(from: EntryIndex(30), limit: 10)
        }
        #expect(try snapshot.entries(from: EntryIndex(38), limit: 10).count == 10)
        #expect(try snapshot.get(bytes("key 3-6"))?.index == EntryIndex(36))
    }

    @Test("refuses to rebuild the tree with an entry changed with all checksums of its frame")
    func tamperedFrame() async throws {
        let folder = try await filled()
        let database = try Database.open(in: folder)
        let identity = database.identity
        try database.close()
        let segment = URL(fileURLWithPath: "\(folder.path)/ledger/0000000000.segment")
        var file = Array(try Data(contentsOf: segment))
        let old = bytes("key 3-7value 7")
        let place = try #require(file.indices.first { file[$0...].starts(with: old) })
        file[place + old.count - 1] = UInt8(ascii: "8")
        var crc = CRC32C()
        crc.update(UInt64(37))
        file[place - 16..<place - 4].withUnsafeBytes { crc.update($0) }
        file[place..<place + old.count].withUnsafeBytes { crc.update($0) }
        put(crc.value, at: place - 4, in: &file)
        let magic: [UInt8] = [0x01, 0x46, 0x52, 0x4D]
        let frame = try #require((0..<place).last { file[$0...].starts(with: magic) })
        let payloadByteCount = file[frame + 8..<frame + 12].reversed().reduce(0) {
            $0 << 8 | Int($1)
        }
        for (range, checksum) in [
            (frame + 48..<frame + 48 + payloadByteCount, frame + 40),
            (frame..<frame + 44, frame + 44),
        ] {
            var crc = CRC32C()
            identity.bytes.withUnsafeBytes { crc.update($0) }
            crc.update(UInt64(frame))
            file[range].withUnsafeBytes { crc.update($0) }
            put(crc.value, at: checksum, in: &file)
        }
        try Data(file).write(to: segment)
        // With its tree, the database opens, and detects the changed entry when it is read.
        let open = try Database.open(in: folder)
        #expect(throws: StoreError(.tampered, "")) { try open.snapshot.entry(at: EntryIndex(37)) }
        try open.close()
        try folder.remove("tree")
        let error = #expect(throws: StoreError.self) { try Database.open(in: folder) }
        #expect(error?.code == .tampered)
        #expect(error?.message.contains("the entries up to 39 do not have the root") == true)
    }

    private func put(_ number: UInt32, at offset: Int, in file: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) {
            file.replaceSubrange(offset..<offset + 4, with: $0)
        }
    }

    @Test(
        "refuses a folder in use, a file in its place, a foreign folder and a half deleted one")
    func refusedFolders() async throws {
        let folder = try await filled()
        let open = try Database.open(in: folder)
        let inUse = #expect(throws: StoreError.self) { try Database.open(in: folder) }
        #expect(inUse?.code == .inUse)
        #expect(inUse?.message.contains("open already in this process") == true)
        try open.close()

        let halfDeleted = try folder.copy()
        try halfDeleted.remove("ledger")
        let half = #expect(throws: StoreError.self) { try Database.open(in: halfDeleted) }
        #expect(half?.code == .corruption)
        #expect(half?.message.contains("The history is missing") == true)

        let foreign = TemporaryFolder()
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(foreign.path)/MANIFEST"))
        let other = #expect(throws: StoreError.self) { try Database.open(in: foreign) }
        #expect(other?.code == .incompatibleFormat)
        #expect(other?.message.contains("MANIFEST") == true)

        let file = TemporaryFolder(unmade: ())
        try Data("x".utf8).write(to: URL(fileURLWithPath: file.path))
        #expect(throws: StoreError(.io, "")) { try Database.open(in: file) }
        #expect(throws: StoreError(.io, "")) { try Database.open(at: "") }
        #expect(throws: StoreError.self) { try Database.open(at: "/proc/immudb") }
    }
}
