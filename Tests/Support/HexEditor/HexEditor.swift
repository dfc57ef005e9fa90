public import Foundation
import MerkleTree
import StorageIO

/// Edits the files of a database in place, as an attacker with a hex editor and knowledge of the format would. The
/// database may be open.
///
/// Only for databases whose ledger is one segment.
public struct HexEditor {
    /// The checksums that are corrected after the change.
    public enum Mending: Sendable {
        /// None, as with a flipped bit on the disk.
        case nothing
        /// The checksum of the record.
        case record
        /// The checksums of the record and of its frame.
        case frame
    }

    public enum Failure: Error { case noSuchEntry(UInt64) }

    public struct Record {
        public let index: UInt64
        /// The offsets in the file of the segment.
        public let frame: Int
        public let start: Int
        public let key: Range<Int>
        public let value: Range<Int>
    }

    private static let firstFrame = 128
    private static let frameHeadByteCount = 48
    private static let recordHeadByteCount = 16
    private static let viewHeadByteCount = 4096

    public let segment: URL
    public let digests: URL
    public let positions: URL

    /// - Parameter folder: the folder of the database.
    public init(_ folder: String) {
        segment = URL(fileURLWithPath: "\(folder)/ledger/0000000000.segment")
        digests = URL(fileURLWithPath: "\(folder)/tree/digests")
        positions = URL(fileURLWithPath: "\(folder)/tree/places")
    }

    // MARK: the ledger

    /// Returns all records, in order.
    public func records() throws -> [Record] { Self.records(in: try bytes(of: segment)) }

    public func record(of index: UInt64) throws -> Record {
        guard let found = try records().first(where: { $0.index == index }) else {
            throw Failure.noSuchEntry(index)
        }
        return found
    }

    /// Flips the lowest bit of the last byte of an entry's value, and corrects checksums.
    public func changeValue(of index: UInt64, mending: Mending) throws {
        let record = try record(of: index)
        var bytes = try bytes(of: segment)
        bytes[record.value.upperBound - 1] ^= 1
        if mending != .nothing { Self.sealRecord(record, in: &bytes) }
        if mending == .frame { Self.sealFrame(at: record.frame, in: &bytes) }
        try overwrite(segment, with: bytes)
    }

    /// Swaps the keys and values of two entries, which must have the same lengths, and corrects all checksums.
    public func swap(_ first: UInt64, _ second: UInt64) throws {
        let (first, second) = (try record(of: first), try record(of: second))
        var bytes = try bytes(of: segment)
        let (left, right) = (
            first.key.lowerBound..<first.value.upperBound,
            second.key.lowerBound..<second.value.upperBound
        )
        precondition(first.key.count == second.key.count && left.count == right.count)
        let moved = Array(bytes[left])
        bytes.replaceSubrange(left, with: Array(bytes[right]))
        bytes.replaceSubrange(right, with: moved)
        for record in [first, second] {
            Self.sealRecord(record, in: &bytes)
            Self.sealFrame(at: record.frame, in: &bytes)
        }
        try overwrite(segment, with: bytes)
    }

    /// Writes the root that follows from the current entries into each frame, and corrects the frames' checksums.
    public func mendRoots() throws {
        var bytes = try bytes(of: segment)
        let records = Self.records(in: bytes)
        var tree = MerkleAccumulator()
        for (record, next) in zip(records, records.dropFirst().map(\.frame) + [-1]) {
            tree.append(Self.leaf(of: record, in: bytes))
            guard next != record.frame else { continue }
            let end = record.value.upperBound
            bytes.replaceSubrange(end..<end + Digest.byteCount, with: tree.root.bytes)
            Self.sealFrame(at: record.frame, in: &bytes)
        }
        try overwrite(segment, with: bytes)
    }

    /// Cuts the segment where the record of an entry begins.
    public func cut(before index: UInt64) throws {
        let handle = try FileHandle(forUpdating: segment)
        defer { try? handle.close() }
        try handle.truncate(atOffset: UInt64(try record(of: index).start))
    }

    /// Flips a bit of a file.
    public func flip(_ file: URL, byte: Int) throws {
        let handle = try FileHandle(forUpdating: file)
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(byte))
        let old = try handle.read(upToCount: 1) ?? Data()
        try handle.seek(toOffset: UInt64(byte))
        try handle.write(contentsOf: Data(old.map { $0 ^ 0x10 }))
    }

    // MARK: the tree

    /// Writes the leaf of an entry that follows from the current ledger.
    public func mendLeaf(of index: UInt64) throws {
        let tree = try digestsOfLedger()
        let place = Int(NodePosition(leaf: EntryIndex(index)).storageIndex)
        let range = place * Digest.byteCount..<(place + 1) * Digest.byteCount
        try write(digests, Data(tree[range]), at: Self.viewHeadByteCount + range.lowerBound)
    }

    /// Writes the leaves and all nodes that follow from the current ledger.
    public func mendTree() throws {
        try write(digests, Data(try digestsOfLedger()), at: Self.viewHeadByteCount)
    }

    /// The offset of an entry's leaf in the file of digests.
    public func leafOffset(of index: UInt64) -> Int {
        Self.viewHeadByteCount
            + Int(NodePosition(leaf: EntryIndex(index)).storageIndex) * Digest.byteCount
    }

    /// The offset of an entry's position in the file of positions.
    public func positionOffset(of index: UInt64) -> Int { Self.viewHeadByteCount + Int(index) * 8 }

    private func digestsOfLedger() throws -> [UInt8] {
        let bytes = try bytes(of: segment)
        var tree = MerkleAccumulator()
        var result: [UInt8] = []
        for record in Self.records(in: bytes) {
            tree.append(Self.leaf(of: record, in: bytes)) { result += $1.bytes }
        }
        return result
    }

    private static func leaf(of record: Record, in bytes: [UInt8]) -> Digest {
        .leaf(index: EntryIndex(record.index), key: bytes[record.key], value: bytes[record.value])
    }

    // MARK: bytes

    private func bytes(of file: URL) throws -> [UInt8] { Array(try Data(contentsOf: file)) }

    private func overwrite(_ file: URL, with bytes: [UInt8]) throws {
        try write(file, Data(bytes), at: 0)
    }

    private func write(_ file: URL, _ bytes: Data, at offset: Int) throws {
        let handle = try FileHandle(forWritingTo: file)
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: bytes)
    }

    private static func records(in bytes: [UInt8]) -> [Record] {
        var records: [Record] = []
        var frame = firstFrame
        while frame + frameHeadByteCount <= bytes.count, number(bytes, frame, 4) == 0x4D52_4601 {
            let first = UInt64(number(bytes, frame + 16, 8))
            var start = frame + frameHeadByteCount
            for index in 0..<number(bytes, frame + 12, 4) {
                let key = start + recordHeadByteCount
                let value = key + number(bytes, start + 4, 4)
                let end = value + number(bytes, start + 8, 4)
                records.append(
                    Record(
                        index: first + UInt64(index), frame: frame, start: start, key: key..<value,
                        value: value..<end))
                start = end
            }
            frame += frameHeadByteCount + number(bytes, frame + 8, 4)
        }
        return records
    }

    private static func sealRecord(_ record: Record, in bytes: inout [UInt8]) {
        var crc = CRC32C()
        crc.update(record.index)
        bytes[record.start..<record.start + 12].withUnsafeBytes { crc.update($0) }
        bytes[record.key.lowerBound..<record.value.upperBound].withUnsafeBytes { crc.update($0) }
        put(crc.value, at: record.start + 12, in: &bytes)
    }

    private static func sealFrame(at frame: Int, in bytes: inout [UInt8]) {
        let payload = frame + frameHeadByteCount
        let end = payload + number(bytes, frame + 8, 4)
        for (range, checksum) in [
            (payload..<end, frame + 40), (frame..<frame + 44, frame + 44),
        ] {
            var crc = CRC32C()
            bytes[16..<32].withUnsafeBytes { crc.update($0) }
            crc.update(UInt64(frame))
            bytes[range].withUnsafeBytes { crc.update($0) }
            put(crc.value, at: checksum, in: &bytes)
        }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ byteCount: Int) -> Int {
        bytes[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func put(_ number: UInt32, at offset: Int, in bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) {
            bytes.replaceSubrange(offset..<offset + 4, with: $0)
        }
    }
}
