import Foundation
import KeyIndex
import MerkleTree
import StorageIO
import TestTools

let owner = DatabaseIdentity([UInt8](repeating: 7, count: 16))!

/// A folder for one test, which is removed at the test's end.
final class ScratchFolder {
    let path: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "immudb-key-index-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of an index in the folder.
    var index: String { path + "/index" }

    func files(withSuffix suffix: String, of folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(suffix) }
            .sorted().map { folder + "/" + $0 }
    }
}

extension RecordAddress {
    /// Makes an address that no other index has.
    static func made(_ index: UInt64, kind: UInt8 = 0) -> RecordAddress {
        RecordAddress(
            index: EntryIndex(index), kind: kind, position: index &* 0x0001_0000_0000_01B3,
            length: UInt32(truncatingIfNeeded: index &* 77 + 1))
    }
}

func entries(from first: UInt64, keys: [[UInt8]]) -> [IndexedKey] {
    keys.enumerated().map {
        IndexedKey(key: $1, address: .made(first + UInt64($0)))
    }
}

/// Returns 16 bytes that look random and differ for each number.
func scatteredKey(_ number: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: number)
    return (0..<2).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
}

extension [UInt8] {
    /// Whether this key is before `other` in RocksDB's order: by unsigned bytes, a prefix first.
    func isBefore(_ other: [UInt8]) -> Bool { lexicographicallyPrecedes(other) }
}
