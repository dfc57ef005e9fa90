import Dispatch
import Foundation
import ImmudbModel
import MerkleTree
import OwnThread
import POSIX
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import KeyIndex

@Suite("The key index with many threads", .ownThread)
struct SharingTests {
    @Test("lets readers beside the writer miss no version and see none twice")
    func readersBesideWriter() throws {
        let folder = try ScratchFolder()
        var options = KeyIndex.Options()
        options.memtableByteCount = 256 << 10
        let index = try KeyIndex.open(at: folder.index, identity: owner, options: options)
        let keyCount: UInt64 = 10
        let rounds: UInt64 = 3000
        let isDone = Atomic(false)
        let checks = Atomic(0)
        // Key k has exactly the versions k, k + 10, k + 20, …, so the size alone determines the
        // result of a read. Readers have threads of their own: a pool that is busy with other tests
        // would run them one after the other.
        @Sendable func read(_ thread: Int) {
            var random = SplitMix64(seed: UInt64(thread))
            while !isDone.load(ordering: .acquiring) {
                let complete = index.completeSize.rawValue
                if complete == 0 { continue }
                let key = UInt64.random(in: 0..<keyCount, using: &random)
                let back = min(complete, .random(in: 0...25, using: &random))
                let size = complete - back
                let count = size / keyCount + (key < size % keyCount ? 1 : 0)
                #expect(throws: Never.self) {
                    let newest = try index.newest(of: [UInt8(key)], in: TreeSize(size))
                    let expected = count == 0 ? nil : key + (count - 1) * keyCount
                    if newest?.index.rawValue != expected {
                        Issue.record("newest of \(key) in \(size) is \(String(describing: newest))")
                    }
                    let limit = 7
                    let versions = try index.versions(
                        of: [UInt8(key)], in: TreeSize(size), limit: limit)
                    let all = (0..<min(count, UInt64(limit))).map {
                        key + (count - 1 - $0) * keyCount
                    }
                    if versions.map(\.index.rawValue) != all {
                        Issue.record("versions of \(key) in \(size) are \(versions)")
                    }
                }
                checks.wrappingAdd(1, ordering: .relaxed)
            }
        }
        let readers = try (1...3).map { thread in
            try WorkerThread(name: "reader") { read(thread) }
        }
        for round in 0..<rounds {
            let keys = (0..<keyCount).map { [UInt8($0)] }
            #expect(throws: Never.self) {
                try index.apply(entries(from: round * keyCount, keys: keys))
            }
        }
        for _ in 0..<1000 where checks.load(ordering: .relaxed) <= 100 { usleep(10_000) }
        isDone.store(true, ordering: .releasing)
        for reader in readers { reader.join() }
        #expect(checks.load(ordering: .relaxed) > 100)
        index.close()
    }

    @Test("waits in closing for operations in progress, and refuses later ones")
    func closing() throws {
        for _ in 0..<20 {
            let folder = try ScratchFolder()
            let index = try KeyIndex.open(at: folder.index, identity: owner)
            try index.apply(entries(from: 0, keys: [[1], [2], [1]]))
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                if thread == 0 {
                    index.close()
                    return
                }
                var isOpen = true
                while isOpen {
                    do throws(StoreError) {
                        let found = try index.versions(of: [1], in: TreeSize(3)).count
                        #expect(found == 2)
                    } catch {
                        #expect(error.code == .closed)
                        isOpen = false
                    }
                }
            }
            index.close()
            #expect(throws: StoreError(.closed, "")) { try index.newest(of: [1], in: TreeSize(3)) }
            #expect(throws: StoreError(.closed, "")) {
                try index.apply(entries(from: 3, keys: [[1]]))
            }
            #expect(throws: StoreError(.closed, "")) { try index.flush(wait: true) }
            #expect(index.completeSize == TreeSize(3))
        }
    }

    @Test("writes entries to files when a shared limit of memory is reached")
    func sharedLimit() throws {
        for isShared in [true, false] {
            var resources = KeyIndex.Resources.Options()
            resources.memtablesByteCount = isShared ? 1 : nil
            var options = KeyIndex.Options()
            options.resources = try KeyIndex.Resources(resources)
            let folders = try (0..<3).map { _ in try ScratchFolder() }
            let indexes = try folders.map {
                try KeyIndex.open(at: $0.index, identity: owner, options: options)
            }
            // 5 MiB each, which is less than an index's own limit and more than 3 MiB for all
            // three.
            for round in 0..<50 as Range<UInt64> {
                for index in indexes {
                    let keys = (0..<100).map { number -> [UInt8] in
                        scatteredKey(round * 100 + number) + [UInt8](repeating: 1, count: 1000)
                    }
                    try index.apply(entries(from: round * 100, keys: keys))
                }
            }
            // The first file of an index is its header. Entries are written in the background,
            // although there are fewer than are otherwise written at a time.
            func hasWritten() throws -> Bool {
                try folders.contains { try $0.files(withSuffix: ".sst", of: $0.index).count > 1 }
            }
            for _ in 0..<1000 where try isShared && !hasWritten() { usleep(10_000) }
            #expect(try hasWritten() == isShared)
            indexes[0].close()
            for index in indexes[1...] {
                let key = scatteredKey(4999) + [UInt8](repeating: 1, count: 1000)
                #expect(try index.newest(of: key, in: TreeSize(5000))?.index == EntryIndex(4999))
                index.close()
            }
        }
    }

    @Test(
        "has records of their own for members, from their first entry, which are not keys")
    func sortedSets() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        var added: [IndexedKey] = []
        func add(_ set: [UInt8], _ score: Double, _ member: [UInt8]) {
            let bits = withUnsafeBytes(of: score.bitPattern.bigEndian) { Array($0) }
            added.append(
                IndexedKey(
                    key: set + bits + member,
                    address: .made(UInt64(added.count), kind: EntryKind.sortedSetMember.rawValue),
                    memberLength: member.count))
        }
        add([97], 2, [1])
        add([97], -1, [2])
        add([97, 98], -5, [3])
        add([97], 2, [1])
        add([97], 0, [4])
        let asKey = added[0].key
        added.append(IndexedKey(key: asKey, address: .made(5)))
        try index.apply(added)
        let again = added.count
        add([97], -0.0, [4])
        add([97], -1, [2])
        try index.apply(Array(added[again...]))

        let cursor = try RecordCursor(index.database)
        var prefix: [UInt8] = []
        IndexRecord.appendSetPrefix(of: [97], to: &prefix)
        cursor.seek(to: prefix)
        var addresses: [RecordAddress] = []
        while let record = try cursor.current(), record.key.dropping(prefix: prefix) != nil {
            addresses.append(try index.database.address(record.value))
            cursor.next()
        }
        #expect(addresses.map(\.index.rawValue) == [1, 4, 0])
        #expect(try index.versions(of: asKey, in: TreeSize(8)) == [.made(5)])
        #expect(try index.newest(of: added[1].key, in: TreeSize(8)) == nil)

        let malformed = IndexedKey(
            key: [1, 2, 3], address: .made(8, kind: EntryKind.sortedSetMember.rawValue),
            memberLength: 3)
        #expect(throws: StoreError(.tampered, "")) { try index.apply([malformed]) }
        #expect(index.completeSize == TreeSize(8))
    }

    @Test("refuses an index of a later format, and other RocksDB databases")
    func otherFormats() throws {
        let folder = try ScratchFolder()
        let later = try KeyIndex.open(at: folder.index, identity: owner)
        var header = try #require(try later.database.value(of: IndexRecord.headerKey))
        header[header.count - 17] += 1
        try later.database.put(IndexRecord.headerKey, header)
        later.close()
        let error = try #require(throws: StoreError.self) {
            try KeyIndex.open(at: folder.index, identity: owner)
        }
        #expect(error.code == .incompatibleFormat)
        #expect(error.message.contains("format version 2"))

        let other = folder.path + "/other"
        let database = try RocksDatabase(
            path: other, fileSystem: POSIXFileSystem(), options: KeyIndex.Options())
        try database.put([1, 2, 3], [4])
        database.close()
        #expect(throws: StoreError(.incompatibleFormat, "")) {
            try KeyIndex.open(at: other, identity: owner)
        }
    }
}
