import Foundation
import KeyIndex
import MerkleTree
import OwnThread
import StorageIO
import TestTools
import Testing

@Suite("The key index after accidents", .ownThread)
struct CrashTests {
    @Test(
        "has the state after one of the applies, whole, after a crash",
        arguments: 1...3 as ClosedRange<UInt64>)
    func prefix(seed: UInt64) throws {
        let folder = try ScratchFolder()
        var random = SplitMix64(seed: seed)
        var options = KeyIndex.Options()
        // Small memtables, so that the index also writes files by itself.
        options.memtableByteCount = 64 << 10
        let index = try KeyIndex.open(at: folder.index, identity: owner, options: options)
        var keys: [[UInt8]] = []
        var ends: Set<UInt64> = [0]
        var flushed: UInt64 = 0
        var imageCount = 0
        for round in 0..<6 {
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let count = Int.random(in: 1...700, using: &random)
                let added = (0..<count).map { _ in
                    scatteredKey(.random(in: 0..<500, using: &random))
                }
                try index.apply(entries(from: UInt64(keys.count), keys: added))
                keys += added
                ends.insert(UInt64(keys.count))
            }
            if round % 2 == 0 {
                try index.flush(wait: true)
                flushed = UInt64(keys.count)
            }
            // The files as they would be if the process ended now.
            let image = folder.path + "/image\(round)"
            guard try copyWhenQuiet(folder.index, to: image) else { continue }
            imageCount += 1
            let survivor = try KeyIndex.open(at: image, identity: owner)
            let size = survivor.completeSize
            #expect(ends.contains(size.rawValue), "seed \(seed)")
            #expect(size.rawValue >= flushed, "seed \(seed)")
            var expected: [[UInt8]: [RecordAddress]] = [:]
            for (place, key) in keys[..<Int(size.rawValue)].enumerated() {
                expected[key, default: []].insert(.made(UInt64(place)), at: 0)
            }
            for number in 0..<500 as Range<UInt64> {
                let key = scatteredKey(number)
                // There must be nothing beyond the mark either, so this reads with the size of the
                // whole ledger.
                let found = try survivor.versions(of: key, in: TreeSize(UInt64(keys.count)))
                try #require(found == expected[key] ?? [], "seed \(seed)")
            }
            // The rest is applied again, as at every opening.
            try survivor.apply(
                entries(from: size.rawValue, keys: Array(keys[Int(size.rawValue)...])))
            #expect(
                try survivor.versions(of: keys[0], in: TreeSize(.init(keys.count)))
                    == index.versions(of: keys[0], in: TreeSize(.init(keys.count))))
            survivor.close()
        }
        #expect(imageCount > 0)
        index.close()
    }

    /// Copies the files of an open index as a crash would leave them. Only a copy during which no
    /// file was added, removed or grown counts.
    private func copyWhenQuiet(_ source: String, to target: String) throws -> Bool {
        let manager = FileManager.default
        for _ in 0..<50 {
            let before = sizesByName(source)
            Thread.sleep(forTimeInterval: 0.02)
            let isCopied = (try? manager.copyItem(atPath: source, toPath: target)) != nil
            if isCopied, before == sizesByName(source), before == sizesByName(target) {
                return true
            }
            if manager.fileExists(atPath: target) { try manager.removeItem(atPath: target) }
        }
        return false
    }

    /// Returns the names in a folder with the sizes of their files; nil for a file that was just
    /// removed.
    private func sizesByName(_ folder: String) -> [String: Int?] {
        let manager = FileManager.default
        let names = (try? manager.contentsOfDirectory(atPath: folder)) ?? []
        return Dictionary(
            uniqueKeysWithValues: names.map { name in
                let attributes = try? manager.attributesOfItem(atPath: folder + "/" + name)
                return (name, attributes?[.size] as? Int)
            })
    }

    @Test("is refused by name if it belongs to another database, and stays as it is")
    func foreign() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        try index.apply(entries(from: 0, keys: [[1]]))
        index.close()
        let other = DatabaseIdentity.random()
        let error = try #require(throws: StoreError.self) {
            try KeyIndex.open(at: folder.index, identity: other)
        }
        #expect(error.code == .foreignDatabase)
        #expect(error.message.contains(owner.description))
        #expect(error.message.contains(folder.index))
        let again = try KeyIndex.open(at: folder.index, identity: owner)
        #expect(again.completeSize == TreeSize(1))
        again.close()
    }

    @Test("can neither be opened again nor removed while it is open")
    func inUse() throws {
        let folder = try ScratchFolder()
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        #expect(throws: StoreError(.inUse, "")) {
            try KeyIndex.open(at: folder.index, identity: owner)
        }
        #expect(throws: StoreError(.inUse, "")) { try KeyIndex.remove(at: folder.index) }
        index.close()
    }

    @Test("reports cut or missing files at opening, and can be rebuilt")
    func missingFiles() throws {
        for damage in [Damage.cut, .removed, .manifestRemoved] {
            let folder = try ScratchFolder()
            try fill(folder)
            switch damage {
            case .cut:
                for file in try folder.files(withSuffix: ".sst", of: folder.index) {
                    let handle = try #require(FileHandle(forUpdatingAtPath: file))
                    try handle.truncate(atOffset: 100)
                    try handle.close()
                }
            case .removed:
                for file in try folder.files(withSuffix: ".sst", of: folder.index) {
                    try FileManager.default.removeItem(atPath: file)
                }
            case .manifestRemoved:
                for name in try FileManager.default.contentsOfDirectory(atPath: folder.index)
                where name.hasPrefix("MANIFEST") {
                    try FileManager.default.removeItem(atPath: folder.index + "/" + name)
                }
            }
            let error = try #require(throws: StoreError.self, "\(damage)") {
                try KeyIndex.open(at: folder.index, identity: owner)
            }
            #expect(error.code == .corruption, "\(damage)")
            #expect(error.message.contains(folder.index))
            #expect(error.message.contains("rebuilt from the ledger"))
            try KeyIndex.remove(at: folder.index)
            let index = try KeyIndex.open(at: folder.index, identity: owner)
            #expect(index.completeSize == TreeSize(0))
            #expect(try index.newest(of: scatteredKey(0), in: TreeSize(3000)) == nil)
            index.close()
        }
    }

    private enum Damage { case cut, removed, manifestRemoved }

    @Test("reports a changed byte in a file, and never returns another address")
    func changedBytes() throws {
        let folder = try ScratchFolder()
        try fill(folder)
        for file in try folder.files(withSuffix: ".sst", of: folder.index) {
            var bytes = try Data(contentsOf: URL(filePath: file))
            // The first half of such a file consists of blocks of records.
            for place in stride(from: 100, to: bytes.count / 2, by: 3000) { bytes[place] ^= 0x10 }
            try bytes.write(to: URL(filePath: file))
        }
        var failures = 0
        func note(_ error: StoreError) {
            #expect(error.code == .corruption)
            #expect(error.message.contains(folder.index))
            failures += 1
        }
        func lookUpAll() throws(StoreError) {
            let index = try KeyIndex.open(at: folder.index, identity: owner)
            defer { index.close() }
            for number in 0..<3000 as Range<UInt64> {
                do throws(StoreError) {
                    let place = try index.newest(of: scatteredKey(number), in: TreeSize(3000))
                    #expect(place == .made(number))
                } catch { note(error) }
            }
        }
        do throws(StoreError) { try lookUpAll() } catch { note(error) }
        #expect(failures > 0)
    }

    private func fill(_ folder: ScratchFolder) throws {
        let index = try KeyIndex.open(at: folder.index, identity: owner)
        try index.apply(entries(from: 0, keys: (0..<3000).map { scatteredKey($0) }))
        index.close()
    }
}
