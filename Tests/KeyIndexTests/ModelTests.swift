import Foundation
import KeyIndex
import MerkleTree
import OwnThread
import StorageIO
import TestTools
import Testing

/// The model of the index: the versions of each key, oldest first.
private struct Model {
    var versions: [[UInt8]: [RecordAddress]] = [:]
    var size: UInt64 = 0

    mutating func apply(_ entries: [IndexedKey]) {
        for entry in entries { versions[entry.key, default: []].append(entry.address) }
        size += UInt64(entries.count)
    }

    func versions(of key: [UInt8], in size: UInt64, limit: Int, before: UInt64?) -> [RecordAddress]
    {
        let end = min(size, before ?? .max)
        let all = (versions[key] ?? []).reversed().filter { $0.index.rawValue < end }
        return Array(all.prefix(limit))
    }
}

@Suite("The key index against a dictionary", .ownThread)
struct ModelTests {
    @Test(
        "ends the process for an entry that leaves a gap, since the index would lack a key"
    )
    func gap() async throws {
        let folder = try ScratchFolder()
        await #expect(processExitsWith: .failure) { [path = folder.index as String] in
            do {
                let index = try KeyIndex.open(at: path, identity: owner)
                try index.apply(entries(from: 0, keys: [[1]]))
                try index.apply(entries(from: 2, keys: [[3]]))
            } catch {
                // Another error must not look like the end of the process.
                exit(EXIT_SUCCESS)
            }
        }
    }

    @Test(
        "finds every version on every snapshot after any applies, flushes and reopenings",
        arguments: 1...6 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        let folder = try ScratchFolder()
        var random = SplitMix64(seed: seed)
        var model = Model()
        var index = try KeyIndex.open(at: folder.index, identity: owner)
        let keys = EncodingTests.awkwardKeys + (0..<30).map { scatteredKey($0) }
        for _ in 0..<120 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                index.close()
                index = try KeyIndex.open(at: folder.index, identity: owner)
            case 1: try index.flush(wait: Bool.random(using: &random))
            default:
                let count = [1, 2, 10, 600].randomElement(using: &random) ?? 1
                let added = (0..<count).map { offset in
                    IndexedKey(
                        key: keys.randomElement(using: &random) ?? [],
                        address: .made(
                            model.size + UInt64(offset), kind: .random(in: 0...1, using: &random)))
                }
                try index.apply(added)
                model.apply(added)
            }
            try #require(index.completeSize == TreeSize(model.size), "seed \(seed)")
            for _ in 0..<20 {
                let key = keys.randomElement(using: &random) ?? []
                let size =
                    Bool.random(using: &random)
                    ? model.size : .random(in: 0...model.size, using: &random)
                let newest = try index.newest(of: key, in: TreeSize(size))
                try #require(
                    newest == model.versions(of: key, in: size, limit: 1, before: nil).first,
                    "seed \(seed), key \(key), size \(size)")
                let limit = [0, 1, 3, .max].randomElement(using: &random) ?? 1
                let before: UInt64? =
                    Bool.random(using: &random)
                    ? nil : .random(in: 0...model.size + 1, using: &random)
                let versions = try index.versions(
                    of: key, in: TreeSize(size), limit: limit,
                    before: before.map(EntryIndex.init(_:)))
                try #require(
                    versions == model.versions(of: key, in: size, limit: limit, before: before),
                    "seed \(seed), key \(key), size \(size), limit \(limit)")
            }
        }
        index.close()
    }

    @Test("has both versions of a key that is twice in one batch, in order")
    func sameKeyTwice() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        try index.apply(entries(from: 0, keys: [[1], [2], [1], [1], []]))
        try index.apply(entries(from: 5, keys: [[1], [3], [1]]))
        let all = try index.versions(of: [1], in: TreeSize(8)).map(\.index.rawValue)
        #expect(all == [7, 5, 3, 2, 0])
        #expect(try index.newest(of: [1], in: TreeSize(3)) == .made(2))
        #expect(try index.newest(of: [1], in: TreeSize(7)) == .made(5))
        #expect(try index.newest(of: [], in: TreeSize(8)) == .made(4))
        #expect(try index.newest(of: [4], in: TreeSize(8)) == nil)
        #expect(try index.newest(of: [1], in: TreeSize(0)) == nil)
        index.close()
    }

    @Test("finds keys of 65,000 bytes")
    func longKeys() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        let long = [UInt8](repeating: 0, count: 65_000)
        try index.apply(entries(from: 0, keys: [long, long + [1], long]))
        #expect(try index.versions(of: long, in: TreeSize(3)) == [.made(2), .made(0)])
        #expect(try index.newest(of: long + [1], in: TreeSize(3)) == .made(1))
        index.close()
    }

    @Test(
        "is complete again after a stop"
    )
    func reopened() throws {
        let folder = try ScratchFolder()
        var index = try KeyIndex.open(at: folder.index, identity: owner)
        #expect(index.completeSize == TreeSize(0))
        // More than the number of entries at which the index begins to write by itself.
        for batch in 0..<110 as Range<UInt64> {
            try index.apply(
                entries(
                    from: batch * 1000, keys: (0..<1000).map { scatteredKey(batch * 1000 + $0) }))
        }
        index.close()
        #expect(index.byteCount() == 0)
        index = try KeyIndex.open(at: folder.index, identity: owner)
        #expect(index.completeSize == TreeSize(110_000))
        #expect(index.byteCount() > 110_000 * 16)
        for number in stride(from: 0 as UInt64, to: 110_000, by: 997) {
            #expect(
                try index.newest(of: scatteredKey(number), in: TreeSize(110_000)) == .made(number))
        }
        index.close()
    }
}
