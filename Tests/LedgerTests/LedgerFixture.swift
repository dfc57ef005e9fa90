import Foundation
import Ledger
import MerkleTree
import StorageIO

/// A ledger in a folder of its own, with functions to write to it and to damage it.
final class LedgerFixture {
    let path = FileManager.default.temporaryDirectory.path + "/ledger-\(UUID().uuidString)"
    var options = Ledger.Options()
    var tree = MerkleAccumulator()
    var entries: [LedgerEntry] = []
    var positions: [EntryPosition] = []

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(
        wasAcknowledged: @escaping (EntryIndex) -> Bool = { _ in false },
        log: @escaping LogSink = { _, _ in }
    ) throws -> Ledger {
        try Ledger(
            directory: path, options: options,
            witness: { index, _ in wasAcknowledged(index) ? .acknowledged : .none },
            log: log)
    }

    /// Appends a frame of these values, and synchronizes it.
    func append(_ values: [[UInt8]], to ledger: Ledger) throws {
        try appendUnsynchronized(values, to: ledger)
        try ledger.synchronize()
    }

    func appendUnsynchronized(_ values: [[UInt8]], to ledger: Ledger) throws {
        let first = EntryIndex(UInt64(entries.count))
        let keys = values.indices.map { Array("key \($0)".utf8) }
        let byteCount = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: zip(keys, values).reduce(0) { $0 + $1.0.count + $1.1.count },
            entryCount: values.count)
        let frame = FrameBuffer()
        let position = try ledger.prepareFrame(payloadByteCount: byteCount)
        frame.begin(firstIndex: first, at: position, payloadByteCount: byteCount)
        for (place, value) in values.enumerated() {
            let index = EntryIndex(UInt64(entries.count))
            tree.append(.leaf(index: index, key: keys[place], value: value))
            let isLast = place == values.count - 1
            let record = keys[place].withUnsafeBytes { key in
                value.withUnsafeBytes {
                    frame.add(kind: 0, key: key, value: $0, isEndOfBatch: isLast)
                }
            }
            positions.append(record.position)
            entries.append(
                LedgerEntry(
                    index: index, kind: 0, isEndOfBatch: isLast, key: keys[place], value: value))
        }
        frame.end(root: tree.root)
        try ledger.append(frame)
    }

    /// Removes the entries from `index` on, which the ledger has lost.
    func removeEntries(from index: Int) {
        entries.removeSubrange(index...)
        positions.removeSubrange(index...)
        tree = MerkleAccumulator()
        for entry in entries {
            tree.append(.leaf(index: entry.index, key: entry.key, value: entry.value))
        }
    }

    /// Copies this ledger's folder, for tests that change it.
    func copy() throws -> LedgerFixture {
        let copy = LedgerFixture()
        copy.options = options
        copy.entries = entries
        copy.positions = positions
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        return copy
    }

    var segmentNames: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        }
    }

    func bytes(of name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
}
