import Foundation
import MerkleTree
import OwnThread
import POSIX
import StorageIO
import Synchronization
import TestTools
import Testing

@testable import KeyIndex

@Suite("Walks over the key index", .ownThread)
struct WalkTests {
    /// Returns all keys of a walk, in pages of `limit`.
    private func walked(
        _ index: KeyIndex, _ walk: KeyWalk, in size: UInt64, limit: Int = .max,
        skipping kind: UInt8? = nil
    ) throws -> [FoundKey] {
        var walk = walk
        var found: [FoundKey] = []
        while !walk.isAtEnd {
            let page = try index.nextKeys(
                of: &walk, in: TreeSize(size), limit: limit, skipping: kind)
            #expect(page.count <= limit)
            found += page
        }
        return found
    }

    private func between(
        _ keys: [[UInt8]], prefix: [UInt8], after offset: [UInt8]?, reverse: Bool
    ) -> [[UInt8]] {
        let inOrder = keys.filter { $0.starts(with: prefix) }.sorted { $0.isBefore($1) }
        let directed = reverse ? inOrder.reversed() : inOrder
        return directed.filter { key in
            guard let offset else { return true }
            return reverse ? key.isBefore(offset) : offset.isBefore(key)
        }
    }

    @Test(
        "accept any prefix and offset, inside or outside of it, in both directions and page sizes")
    func awkwardBytes() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        let keys = EncodingTests.awkwardKeys.filter { $0 != [97, 0, 0] && $0 != [255, 255] }
        let size = UInt64(keys.count)
        try index.apply(entries(from: 0, keys: keys))
        // Also places that are not keys, and longer ones.
        let places =
            EncodingTests.awkwardKeys + [[254], [255, 254], [255, 255, 255, 255], [97, 255]]
        for prefix in places {
            for offset in [nil] + places {
                for reverse in [false, true] {
                    let expected = between(keys, prefix: prefix, after: offset, reverse: reverse)
                    for limit in [1, 2, .max] {
                        let walk = KeyWalk(prefix: prefix, after: offset, reverse: reverse)
                        let found = try walked(index, walk, in: size, limit: limit)
                        try #require(
                            found.map(\.key) == expected,
                            "prefix \(prefix) offset \(String(describing: offset)) \(reverse)")
                    }
                }
            }
        }
        var walk = KeyWalk(prefix: [])
        #expect(try index.nextKeys(of: &walk, in: TreeSize(size), limit: 0).isEmpty)
        #expect(try index.nextKeys(of: &walk, in: TreeSize(size), limit: -1).isEmpty)
        #expect(!walk.isAtEnd)
        index.close()
    }

    @Test("end a prefix at the next bytes in order, also after bytes of FF")
    func prefixEnds() {
        let vectors: [([UInt8], [UInt8])] = [
            ([1], [2]), ([1, 0], [1, 1]), ([1, 97], [1, 98]), ([1, 255], [2]),
            ([1, 97, 255, 255], [1, 98]), ([1, 255, 97, 255], [1, 255, 98]),
            ([3, 97, 0, 1], [3, 97, 0, 2]), ([1, 255, 255, 255], [2]),
        ]
        for (prefix, end) in vectors { #expect(IndexRecord.end(ofPrefix: prefix) == end) }
    }

    @Test("convert a score back from its ordered form, except that -0.0 becomes 0.0")
    func scores() {
        var random = SplitMix64(seed: 3)
        let drawn = (0..<200).map { _ in Double(bitPattern: random.next()) }.filter { !$0.isNaN }
        for score in [
            0, 1, -1, 0.5, -0.5, .infinity, -.infinity, .leastNonzeroMagnitude,
            -.leastNonzeroMagnitude,
        ] + drawn {
            let ordered = IndexRecord.orderedScore(score.bitPattern)
            #expect(IndexRecord.score(ordered: ordered).bitPattern == score.bitPattern)
        }
        let zero = IndexRecord.score(ordered: IndexRecord.orderedScore((-0.0).bitPattern))
        #expect(zero.bitPattern == (0.0).bitPattern)
    }

    @Test(
        "find each key once at any size, with its newest version below the size",
        arguments: 1...4 as ClosedRange<UInt64>)
    func sizes(seed: UInt64) throws {
        let folder = try ScratchFolder()
        var random = SplitMix64(seed: seed)
        var index = try KeyIndex.open(at: folder.index, identity: owner)
        let keys = EncodingTests.awkwardKeys + (0..<20).map { scatteredKey($0) }
        var addresses: [(key: [UInt8], address: RecordAddress)] = []
        for round in 0..<40 {
            let added = (0..<Int.random(in: 1...30, using: &random)).map { offset in
                IndexedKey(
                    key: keys.randomElement(using: &random) ?? [],
                    address: .made(
                        UInt64(addresses.count + offset), kind: .random(in: 0...1, using: &random)))
            }
            try index.apply(added)
            addresses += added.map { ($0.key, $0.address) }
            if round % 10 == 5 {
                index.close()
                index = try KeyIndex.open(at: folder.index, identity: owner)
            }
            for _ in 0..<5 {
                let size = Int.random(in: 0...addresses.count, using: &random)
                let newest = Dictionary(addresses[..<size].map { ($0.key, $0.address) }) { $1 }
                let prefix = Array((keys.randomElement(using: &random) ?? []).prefix(1))
                let offset = Bool.random(using: &random) ? nil : keys.randomElement(using: &random)
                let reverse = Bool.random(using: &random)
                let skipped: UInt8? = Bool.random(using: &random) ? nil : 1
                let expected = between(
                    Array(newest.keys), prefix: prefix, after: offset, reverse: reverse
                ).compactMap { key in
                    newest[key].flatMap { address in
                        address.kind == skipped ? nil : FoundKey(key: key, address: address)
                    }
                }
                let found = try walked(
                    index, KeyWalk(prefix: prefix, after: offset, reverse: reverse),
                    in: UInt64(size), limit: .random(in: 1...9, using: &random), skipping: skipped)
                try #require(found == expected, "seed \(seed), size \(size)")
                var walk = KeyWalk(prefix: prefix)
                var count = 0
                while !walk.isAtEnd {
                    count += try index.countNextKeys(of: &walk, in: TreeSize(UInt64(size)))
                }
                #expect(count == newest.keys.count { $0.starts(with: prefix) }, "seed \(seed)")
            }
        }
        index.close()
    }

    @Test("find each key once in many pages while others are written between them")
    func manyPages() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        let count = UInt64(3 * RecordWalk.recordsPerPage + 17)
        try index.apply(entries(from: 0, keys: (0..<count).map { scatteredKey($0) }))
        let expected = (0..<count).map { scatteredKey($0) }.sorted { $0.isBefore($1) }
        var next = count
        for reverse in [false, true] {
            var walk = KeyWalk(prefix: [], reverse: reverse)
            var counting = KeyWalk(prefix: [], reverse: reverse)
            var found: [FoundKey] = []
            var counted = 0
            var pageCount = 0
            while !walk.isAtEnd {
                found += try index.nextKeys(of: &walk, in: TreeSize(count), limit: .max)
                counted += try index.countNextKeys(of: &counting, in: TreeSize(count))
                pageCount += 1
                // New keys, and new versions of keys ahead of the walk and behind it.
                let added = (0..<50 as Range<UInt64>).map { scatteredKey(next + $0) }
                let again = (0..<50 as Range<UInt64>).map { scatteredKey($0 &* 83 % count) }
                try index.apply(entries(from: next, keys: added + again))
                next += 100
            }
            #expect(pageCount == 4)
            #expect(counting.isAtEnd)
            #expect(counted == Int(count))
            #expect(found.map(\.key) == (reverse ? expected.reversed() : expected))
            #expect(found.allSatisfy { scatteredKey($0.address.index.rawValue) == $0.key })
        }
        index.close()
    }

    @Test("limit the memory of a page with long keys")
    func longKeys() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        let keys = (0..<40 as Range<UInt8>).map { [UInt8](repeating: $0, count: 60_000) }
        try index.apply(entries(from: 0, keys: keys))
        var walk = KeyWalk(prefix: [])
        let page = try index.nextKeys(of: &walk, in: TreeSize(40), limit: .max)
        #expect(page.count == 18)
        let rest = try walked(index, walk, in: 40)
        #expect((page + rest).map(\.key) == keys)
        index.close()
    }

    @Test("see exactly the keys of their size beside the writer")
    func besideWriter() throws {
        let folder = try ScratchFolder()
        var options = KeyIndex.Options()
        options.memtableByteCount = 256 << 10
        let index = try KeyIndex.open(at: folder.index, identity: owner, options: options)
        let isDone = Atomic(false)
        let checks = Atomic(0)
        let keyCount: UInt64 = 40
        // Entry n has key n modulo 40, so the size alone determines the result of a walk.
        @Sendable func walk(_ thread: Int) {
            var random = SplitMix64(seed: UInt64(thread))
            while !isDone.load(ordering: .acquiring) {
                let complete = index.completeSize.rawValue
                let size = complete - min(complete, .random(in: 0...100, using: &random))
                let reverse = Bool.random(using: &random)
                #expect(throws: Never.self) {
                    let found = try walked(
                        index, KeyWalk(prefix: [], reverse: reverse), in: size,
                        limit: .random(in: 1...50, using: &random))
                    let keys = (0..<min(keyCount, size)).map { [UInt8($0)] }
                    let newest = (0..<min(keyCount, size)).map {
                        $0 + (size - 1 - $0) / keyCount * keyCount
                    }
                    #expect(found.map(\.key) == (reverse ? keys.reversed() : keys))
                    #expect(
                        found.map(\.address.index.rawValue)
                            == (reverse ? newest.reversed() : newest))
                }
                checks.wrappingAdd(1, ordering: .relaxed)
            }
        }
        let walkers = try (1...2).map { thread in
            try WorkerThread(name: "walker") { walk(thread) }
        }
        var next: UInt64 = 0
        for round in 0..<1500 {
            let keys = (0..<UInt64(round % 7 + 1)).map { [UInt8((next + $0) % keyCount)] }
            try index.apply(entries(from: next, keys: keys))
            next += UInt64(keys.count)
        }
        // On a busy machine the other threads may not have walked yet.
        for _ in 0..<1000 where checks.load(ordering: .relaxed) <= 20 {
            try index.apply(entries(from: next, keys: [[UInt8(next % keyCount)]]))
            next += 1
            usleep(10_000)
        }
        isDone.store(true, ordering: .releasing)
        for walker in walkers { walker.join() }
        #expect(checks.load(ordering: .relaxed) > 20)
        index.close()
    }

    @Test("are refused after closing, and do not delay closing between their pages")
    func closing() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        try index.apply(entries(from: 0, keys: [[1], [2], [3]]))
        var walk = KeyWalk(prefix: [])
        #expect(try index.nextKeys(of: &walk, in: TreeSize(3), limit: 1).map(\.key) == [[1]])
        index.close()
        #expect(throws: StoreError(.closed, "")) {
            try index.nextKeys(of: &walk, in: TreeSize(3), limit: 1)
        }
        #expect(throws: StoreError(.closed, "")) {
            try index.countNextKeys(of: &walk, in: TreeSize(3))
        }
        // The walk has not moved: it continues on another opening.
        let again = try KeyIndex.open(at: folder.index, identity: owner)
        #expect(try walked(again, walk, in: 3).map(\.key) == [[2], [3]])
        again.close()
    }
}
