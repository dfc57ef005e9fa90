import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import TestTools
import Testing

/// Views that are lost, damaged or from another database: the database opens and answers as before.
@Suite(.serialized, .ownThread)
struct ViewDamageTests {
    private static let views = ["tree/digests", "tree/places", "tree", "index"]

    @Test("rebuilds a view that is removed", arguments: Self.views)
    func removed(view: String) throws {
        let small = try SmallDatabase()
        for (path, _) in small.disk.files where Self.isPart(path, of: view) {
            let disk = small.disk.copy()
            try disk.removeFile(path)
            try StoreScript.check(disk, after: small.session, goesOn: true)
        }
        let disk = small.disk.copy()
        for (path, _) in disk.files where Self.isPart(path, of: view) { try disk.removeFile(path) }
        try StoreScript.check(disk, after: small.session, goesOn: true)
    }

    @Test("rebuilds a view that is cut short", arguments: Self.views)
    func cut(view: String) throws {
        let small = try SmallDatabase()
        for (path, byteCount) in small.usedBytes() where Self.isPart(path, of: view) {
            for end in Set([0, 1, 47, byteCount / 2, byteCount - 70]) where 0..<byteCount ~= end {
                let disk = small.disk.copy()
                disk.replace(path, with: Array(disk.bytes(of: path)?.prefix(end) ?? []))
                try Self.checkSoonRight(disk, small, "\(path) cut to \(end) bytes")
            }
        }
    }

    @Test("rebuilds a view of garbage", arguments: Self.views)
    func garbage(view: String) throws {
        let small = try SmallDatabase()
        var random = SplitMix64(seed: 1)
        for (path, byteCount) in small.usedBytes() where Self.isPart(path, of: view) {
            for isRandom in [false, true] {
                let disk = small.disk.copy()
                let bytes = (0..<byteCount).map { _ in
                    isRandom ? UInt8(truncatingIfNeeded: random.next()) : 0
                }
                disk.replace(path, with: bytes)
                try Self.checkSoonRight(disk, small, "\(path) of \(isRandom ? "noise" : "zeros")")
            }
        }
    }

    @Test("rebuilds another database's view", arguments: Self.views)
    func swapped(view: String) throws {
        let small = try SmallDatabase()
        let other = try SmallDatabase(seed: 5, stepCount: 9)
        let disk = small.disk.copy()
        try SmallDatabase.replace(view, on: disk, by: other.disk)
        try StoreScript.check(disk, after: small.session, goesOn: true)
    }

    @Test("brings an older copy of a view up to the ledger", arguments: Self.views)
    func older(view: String) throws {
        let small = try SmallDatabase()
        let before = small.disk.copy()
        try small.session.open()
        try small.session.append([.mixed, .values([300, 4000]), .mixed])
        try small.session.reopen()
        small.session.close()
        let disk = small.disk.copy()
        try SmallDatabase.replace(view, on: disk, by: before)
        try StoreScript.check(disk, after: small.session, goesOn: true)
    }

    @Test(
        "rebuilds an index ahead of the ledger, and takes a tree ahead of it as evidence of loss")
    func ahead() throws {
        let small = try SmallDatabase()
        let later = small.session.next(on: small.disk.copy())
        try later.open()
        try later.append([.mixed, .mixed])
        later.close()

        let disk = small.disk.copy()
        try SmallDatabase.replace("index", on: disk, by: later.disk)
        try StoreScript.check(disk, after: small.session, goesOn: true)

        let lost = small.disk.copy()
        try SmallDatabase.replace("tree", on: lost, by: later.disk)
        var options = Database.Options()
        options.fileSystem = lost
        let refused = #expect(throws: StoreError.self) {
            try Database.open(at: StoreSession.path, options: options)
        }
        #expect(refused?.code == .corruption)
        #expect(refused?.message.contains("entry \(small.entries.count)") == true, "\(refused!)")
        #expect(refused?.message.contains("cop") == true, "\(refused!)")
    }

    private static func isPart(_ path: String, of view: String) -> Bool {
        path.hasPrefix("\(StoreSession.path)/\(view)")
    }

    /// The damage may be found only when it is read. The opening after that finds everything right.
    private static func checkSoonRight(
        _ disk: SimulatedDisk, _ small: SmallDatabase, _ what: String
    ) throws {
        try limited(what) {
            let session = small.session.next(on: disk)
            do {
                try session.open()
            } catch let error as StoreError {
                #expect([.corruption, .index, .tampered].contains(error.code), "\(what): \(error)")
                try StoreScript.check(disk, after: small.session, goesOn: true)
            } catch {
                throw BrokenPromise("\(what): \(error)\n\(session.context)")
            }
        }
    }
}
