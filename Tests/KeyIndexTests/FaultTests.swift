import Foundation
import ImmudbModel
import KeyIndex
import MerkleTree
import OwnThread
import StorageIO
import Synchronization
import Testing

@Suite("The key index on a disk that fails", .ownThread)
struct FaultTests {
    @Test(
        "survives any single failed call, and keeps what it reported as complete",
        arguments: zip([EIO, ENOSPC, EMFILE], [0, 20, 40]))
    func oneFailure(number: Int32, first: Int) throws {
        try forEachCall(from: first) { call in (call..<call + 1, .error(number)) }
    }

    @Test(
        "survives a disk that fails from any call on, and opens once it works again",
        arguments: zip([EIO, ENOSPC, EMFILE], [0, 20, 40]))
    func lastingFailure(number: Int32, first: Int) throws {
        try forEachCall(from: first) { call in (call..<Int.max, .error(number)) }
    }

    @Test("survives a read that ends too early, once or always, from any call on")
    func shortReads() throws {
        try forEachCall(from: 0) { call in (call..<call + 1, .shortRead) }
        try forEachCall(from: 30) { call in (call..<Int.max, .shortRead) }
    }

    @Test(
        "names the cause of a failure by its code",
        arguments: [
            (EIO, StoreError.Code.io), (ENOSPC, .noSpace), (EMFILE, .noDescriptors),
            (EACCES, .permissionDenied),
        ])
    func codes(number: Int32, code: StoreError.Code) throws {
        let folder = try ScratchFolder()
        let disk = FaultyFileSystem()
        disk.fail(3..<Int.max, .error(number))
        #expect(throws: StoreError(code, "")) {
            try KeyIndex.open(at: folder.index, identity: owner, fileSystem: disk)
        }
        disk.heal()
        let index = try KeyIndex.open(at: folder.index, identity: owner, fileSystem: disk)
        try index.apply(entries(from: 0, keys: [[1]]))
        disk.fail(0..<Int.max, .error(number))
        for _ in 0..<2 {
            let error = try #require(throws: StoreError.self) { try index.flush(wait: true) }
            #expect(error.code == code)
            #expect(error.message.contains(String(cString: strerror(number))))
            #expect(error.message.allSatisfy { !$0.isASCII || $0.asciiValue! >= 32 })
        }
        let error = try #require(throws: StoreError.self) {
            try index.apply(entries(from: 1, keys: [[2], [1]]))
        }
        #expect(error.code == code)
        // The batch left nothing, and earlier entries are intact.
        #expect(index.completeSize == TreeSize(1))
        #expect(try index.newest(of: [2], in: TreeSize(3)) == nil)
        #expect(try index.newest(of: [1], in: TreeSize(3)) == .made(0))
        index.close()
        disk.heal()
        let again = try KeyIndex.open(at: folder.index, identity: owner, fileSystem: disk)
        again.close()
    }

    @Test("keeps its files to their owner, and has no log among them")
    func files() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        try index.apply(entries(from: 0, keys: [[1]]))
        try index.flush(wait: true)
        index.close()
        let manager = FileManager.default
        let names = try manager.contentsOfDirectory(atPath: folder.index)
        #expect(names.contains { $0.hasSuffix(".sst") })
        #expect(!names.contains { $0.hasPrefix("LOG") })
        for name in names {
            let attributes = try manager.attributesOfItem(atPath: folder.index + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        let attributes = try manager.attributesOfItem(atPath: folder.index)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test("calls `beforeFlush` before it writes entries to a file")
    func beforeFlush() throws {
        let folder = try ScratchFolder()
        let disk = FaultyFileSystem()
        let written = Mutex<[[String]]>([])
        var options = KeyIndex.Options()
        options.beforeFlush = {
            let files = disk.writtenFiles.filter { $0.hasSuffix(".sst") }
            written.withLock { $0.append(files) }
        }
        let index = try KeyIndex.open(
            at: folder.index, identity: owner, fileSystem: disk, options: options)
        written.withLock { $0 = [] }
        disk.heal()
        try index.apply(entries(from: 0, keys: [[1]]))
        #expect(written.withLock { $0 } == [])
        try index.flush(wait: true)
        #expect(written.withLock { $0 } == [[]])
        #expect(disk.writtenFiles.contains { $0.hasSuffix(".sst") })
        index.close()
    }

    @Test("reports the failures of a background write to its log")
    func log() throws {
        let folder = try ScratchFolder()
        let disk = FaultyFileSystem()
        let lines = Mutex<[String]>([])
        var options = KeyIndex.Options()
        options.log = { level, line in lines.withLock { $0.append("\(level) \(line)") } }
        let index = try KeyIndex.open(
            at: folder.index, identity: owner, fileSystem: disk, options: options)
        try index.apply(entries(from: 0, keys: [[1]]))
        disk.fail(0..<Int.max, .error(EIO))
        #expect(throws: StoreError(.io, "")) { try index.flush(wait: true) }
        index.close()
        #expect(lines.withLock { $0 }.contains { $0.contains(String(cString: strerror(EIO))) })
    }

    // MARK: the workload

    /// Runs the workload once for each call, with a fault that depends on the call's number: from
    /// call `first` on, every 61st. With IMMUDB_ALL_FAULTS in the environment, every call gets one,
    /// which takes an hour: RocksDB waits a second after each failure in the background.
    private func forEachCall(
        from first: Int, _ faults: (Int) -> (Range<Int>, FaultyFileSystem.Fault)
    ) throws {
        let meetsAll = ProcessInfo.processInfo.environment["IMMUDB_ALL_FAULTS"] != nil
        var call = meetsAll ? 0 : first
        var isPastTheEnd = false
        while !isPastTheEnd {
            let folder = try ScratchFolder()
            let disk = FaultyFileSystem()
            var workload = Workload(path: folder.index, disk: disk)
            let (range, fault) = faults(call)
            disk.fail(range, fault)
            workload.run()
            isPastTheEnd = disk.callCount <= call
            let what = "call \(call) of \(disk.callCount)"
            disk.heal()
            try workload.check(what)
            call += meetsAll ? 1 : 61
        }
    }
}

/// The life of an index in small: opening, batches with several versions of a key and with members
/// of sorted sets, flushes, merging, reads, closing, and a second opening.
private struct Workload {
    let path: String
    let disk: FaultyFileSystem
    /// All entries; the index has those that it accepted.
    private let all: [IndexedKey]
    /// The size that was on disk after a successful flush.
    private var durableSize: UInt64 = 0

    private static let batchSize = 40
    private static let keyCount: UInt64 = 60

    init(path: String, disk: FaultyFileSystem) {
        self.path = path
        self.disk = disk
        all = (0..<1200 as Range<UInt64>).map { number in
            guard number % 10 == 9 else {
                let key = scatteredKey(number &* 7 % Self.keyCount)
                return IndexedKey(key: key, address: .made(number))
            }
            let score = withUnsafeBytes(of: Double(number).bitPattern.bigEndian) { Array($0) }
            return IndexedKey(
                key: [97] + score + [1, 2],
                address: .made(number, kind: EntryKind.sortedSetMember.rawValue), memberLength: 2)
        }
    }

    private func open() throws(StoreError) -> KeyIndex {
        var options = KeyIndex.Options()
        options.memtableByteCount = 64 << 10
        // Reads go to the disk.
        var resources = KeyIndex.Resources.Options()
        resources.cacheByteCount = 4 << 10
        options.resources = try KeyIndex.Resources(resources)
        return try KeyIndex.open(
            at: path, identity: owner, fileSystem: disk, options: options)
    }

    /// Runs the workload to its end, whatever fails.
    mutating func run() {
        for _ in 0..<2 {
            guard let index = try? open() else { continue }
            let start = index.completeSize.rawValue
            #expect(start >= durableSize)
            for round in 0..<15 {
                let size = index.completeSize.rawValue
                let end = min(Int(size) + Self.batchSize, all.count)
                do throws(StoreError) {
                    try index.apply(Array(all[Int(size)..<end]))
                    #expect(index.completeSize.rawValue == UInt64(end))
                } catch {
                    #expect(index.completeSize.rawValue == size)
                }
                // Ten files, so that some of them are merged.
                if round % 3 != 0, (try? index.flush(wait: true)) != nil {
                    durableSize = index.completeSize.rawValue
                }
            }
            // Errors are allowed here, wrong answers are not.
            try? check(index, "while the disk fails")
            index.close()
        }
    }

    /// Opens the index on a disk that works again, perhaps after removing a damaged index, and
    /// checks all of it.
    func check(_ what: String) throws {
        let index: KeyIndex
        do throws(StoreError) {
            index = try open()
            #expect(index.completeSize.rawValue >= durableSize, "\(what)")
        } catch {
            try #require(error.code == .corruption, "\(what): \(error)")
            try KeyIndex.remove(at: path, fileSystem: disk)
            index = try open()
            #expect(index.completeSize.rawValue == 0)
        }
        try check(index, what)
        // The rest is applied again, as at every opening.
        let size = Int(index.completeSize.rawValue)
        try index.apply(Array(all[size...]))
        try index.flush(wait: true)
        try check(index, what)
        index.close()
    }

    private func check(_ index: KeyIndex, _ what: String) throws(StoreError) {
        let size = index.completeSize
        let applied = all[..<Int(size.rawValue)]
        var expected: [[UInt8]: [RecordAddress]] = [:]
        var members: [RecordAddress] = []
        for entry in applied {
            if entry.address.kind == EntryKind.sortedSetMember.rawValue {
                members.append(entry.address)
            } else {
                expected[entry.key, default: []].insert(entry.address, at: 0)
            }
        }
        // There must be nothing beyond the size either, so this reads with the largest size.
        let everything = TreeSize(UInt64(all.count))
        for number in 0..<Self.keyCount {
            let key = scatteredKey(number)
            let found = try index.versions(of: key, in: everything)
            #expect(found == expected[key] ?? [], "\(what), key \(number)")
        }
        var walk = MemberWalk(of: [97])
        var found: [RecordAddress] = []
        while !walk.isAtEnd {
            found += try index.nextMembers(of: &walk, in: everything, limit: 100).map(\.address)
        }
        #expect(found == members, "\(what)")
    }
}
