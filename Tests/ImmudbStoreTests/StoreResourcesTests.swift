import Foundation
import KeyIndex
import MerkleTree
import OwnThread
import POSIX
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import ImmudbStore

/// Databases that share memory and threads.
@Suite("Shared resources", .ownThread)
struct StoreResourcesTests {
    private func resources(_ change: (inout StoreResources.Options) -> Void = { _ in }) throws
        -> StoreResources
    {
        var options = StoreResources.Options()
        change(&options)
        return try StoreResources(options)
    }

    private func open(
        _ folder: TemporaryFolder, _ resources: StoreResources,
        _ fileSystem: any FileSystem = POSIXFileSystem()
    ) throws -> Database {
        var options = Database.Options()
        options.segmentByteCount = 64 << 10
        options.resources = resources
        options.fileSystem = fileSystem
        return try Database.open(at: folder.path, options: options)
    }

    @Test("serve two databases, each of which is closed separately")
    func twoDatabases() async throws {
        let shared = try resources()
        let folders = [TemporaryFolder(), TemporaryFolder()]
        let first = try open(folders[0], shared)
        let second = try open(folders[1], shared)
        try await first.set(bytes("key"), bytes("first"))
        try await second.set(bytes("key"), bytes("second"))
        #expect(try await first.get(bytes("key"))?.value == bytes("first"))
        #expect(try await second.get(bytes("key"))?.value == bytes("second"))

        try first.close()
        await #expect(throws: StoreError(.closed, "")) { try await first.get(bytes("key")) }
        try await second.set(bytes("other"), bytes("second"))
        #expect(try await second.get(bytes("other"))?.value == bytes("second"))

        let again = try open(folders[0], shared)
        #expect(try await again.get(bytes("key"))?.value == bytes("first"))
        #expect(try await again.get(bytes("other")) == nil)
        try second.close()
        try await again.set(bytes("key"), bytes("third"))
        #expect(try await again.get(bytes("key"))?.value == bytes("third"))
        try again.close()
    }

    @Test("are freed by the last close, whatever snapshots are kept", arguments: [true, false])
    func freed(isShared: Bool) async throws {
        weak var resources: StoreResources?
        weak var index: KeyIndex.Resources?
        weak var readers: ReaderThreads?
        let folders = [TemporaryFolder(), TemporaryFolder()]
        var databases: [Database] = []
        if isShared {
            let shared = try self.resources()
            (resources, index, readers) = (shared, shared.index, shared.readers)
            databases = try folders.map { try open($0, shared) }
        } else {
            databases = try folders.map { try Database.open(in: $0) }
        }
        var snapshots: [Snapshot] = []
        for database in databases {
            #expect(!isShared || resources != nil)
            try await database.set(bytes("key"), [])
            _ = try await database.get(bytes("key"))
            snapshots.append(database.snapshot)
            try database.close()
        }
        #expect(resources == nil)
        #expect(index == nil)
        #expect(readers == nil)
        for snapshot in snapshots {
            #expect(throws: StoreError(.closed, "")) { try snapshot.get(bytes("key")) }
        }
    }

    @Test("let a closing database wait only for its own reads")
    func closingBesideAReadThatHangs() async throws {
        let shared = try resources()
        let folders = [TemporaryFolder(), TemporaryFolder()]
        let disk = WatchedFileSystem()
        let hanging = try open(folders[0], shared, disk)
        let other = try open(folders[1], shared)
        try await hanging.set(bytes("key"), bytes("value"))
        try await other.set(bytes("key"), bytes("value"))
        let gate = Monitor((hasCome: false, isOpen: false))
        disk.watch { kind, path throws(StoreError) in
            guard kind == .read, path.contains("/ledger/") else { return }
            gate.change { $0.hasCome = true }
            gate.wait { $0.isOpen ? () : nil }
        }
        async let read = hanging.get(bytes("key"))
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                gate.wait { $0.hasCome ? () : nil }
                continuation.resume()
            }
        }
        try other.close()
        let isClosed = Atomic(false)
        let closing = try WorkerThread(name: "closing") {
            try? hanging.close()
            isClosed.store(true, ordering: .releasing)
        }
        usleep(20_000)
        let closedEarly = isClosed.load(ordering: .acquiring)
        #expect(!closedEarly)
        gate.change { $0.isOpen = true }
        #expect(try await read?.value == bytes("value"))
        closing.join()
    }

    @Test(
        "let many databases with little memory answer and prove correctly",
        arguments: 0..<4 as Range<UInt64>)
    func model(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let shared = try resources {
            $0.indexCacheByteCount = 64 << 10
            $0.indexWriteByteCount = 1
            // A few sets, so that databases evict each other's nodes.
            $0.nodeCacheByteCount = 2 << 10
            $0.readerThreadCount = 1
        }
        let folders = (0..<4).map { _ in TemporaryFolder() }
        var databases = try folders.map { try open($0, shared) }
        var models = folders.map { _ in [[UInt8]: [UInt8]]() }
        for _ in 0..<120 {
            let number = random.next(below: databases.count)
            let database = databases[number]
            switch random.next(below: 12) {
            case 0:
                try database.close()
                databases[number] = try open(folders[number], shared)
            case 1...5:
                let batch = (0..<random.next(below: 60) + 1).map { _ in
                    NewEntry(
                        key: bytes("key \(random.next(below: 50))"),
                        value: bytes("\(number) \(random.next())"))
                }
                try await database.setBatch(batch)
                for entry in batch { models[number][entry.key] = entry.value }
            default:
                let key = bytes("key \(random.next(below: 50))")
                let size = database.snapshot.size
                let since = TreeSize(UInt64(random.next(below: Int(size.rawValue) + 1)))
                let proven = try await database.getProven(key, since: since)
                #expect(proven?.entry.value == models[number][key])
                guard let proven else { continue }
                let known = try await trustedRoot(since, of: database)
                try proven.proof.verify(proven.entry, since: known)
            }
        }
        for database in databases { try database.close() }
    }

    /// Computes the root of an earlier tree from its entries.
    private func trustedRoot(_ size: TreeSize, of database: Database) async throws -> TrustedRoot {
        var tree = MerkleAccumulator()
        for index in 0..<size.rawValue {
            let entry = try database.snapshot.entry(at: EntryIndex(index))
            tree.append(.leaf(index: entry.index, key: entry.key, value: entry.value))
        }
        return TrustedRoot(size: size, root: tree.root)
    }

    @Test("keep the nodes of each tree apart")
    func nodes() {
        let cache = NodeCache(byteCount: 1 << 20)
        let parts = (0..<3).map { _ in cache.part() }
        func digest(_ part: Int, _ index: UInt64) -> Digest {
            .leaf(index: EntryIndex(index), key: [UInt8(part)], value: [])
        }
        let positions = (0..<100).map { NodePosition(level: 5, index: $0) }
        for position in positions {
            for number in [0, 2] {
                parts[number].insert(digest(number, position.index), at: position)
            }
        }
        #expect(parts[1].digests(at: positions).allSatisfy { $0 == nil })
        for number in [0, 2] {
            let found = parts[number].digests(at: positions)
            #expect(found.compactMap { $0 }.count > 90)
            for (position, digest_) in zip(positions, found) where digest_ != nil {
                #expect(digest_ == digest(number, position.index))
            }
        }
        // With one set, the newest nodes evict others and are found.
        let small = NodeCache(byteCount: 0).part()
        for position in positions {
            small.insert(digest(0, position.index), at: position)
            #expect(small.digest(at: position) == digest(0, position.index))
        }
        #expect(small.digests(at: positions).compactMap { $0 }.count == 4)
    }
}
