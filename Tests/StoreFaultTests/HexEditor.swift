import ImmudbStore
import MerkleTree
import SimulatedDisk
import StorageIO

/// Changes a small database as somebody with a hex editor does who knows the format: with the checksums, the digests and
/// the roots that depend on the bytes, or without them.
struct HexEditor {
    let disk: SimulatedDisk
    let identity: DatabaseIdentity
    private let path: String

    struct Frame {
        var segment: Int
        var range: Range<Int>
        var first: UInt64
        var count: Int
    }

    init(_ disk: SimulatedDisk, path: String = StoreSession.path) throws {
        self.disk = disk
        self.path = path
        let head = disk.bytes(of: "\(path)/ledger/0000000000.segment") ?? []
        guard let identity = DatabaseIdentity(head[16..<32]) else {
            throw BrokenPromise("the first segment has no head")
        }
        self.identity = identity
    }

    func segmentPath(_ number: Int) -> String {
        let digits = "\(number)"
        return "\(path)/ledger/" + String(repeating: "0", count: 10 - digits.count) + digits
            + ".segment"
    }

    var segmentCount: Int { disk.files.count { $0.path.hasSuffix(".segment") } }

    // MARK: finding

    /// All frames with entries, and end frames.
    func frames() -> [Frame] {
        (0..<segmentCount).flatMap { segment in
            let bytes = disk.bytes(of: segmentPath(segment)) ?? []
            var frames: [Frame] = []
            var offset = 128
            while offset + 48 <= bytes.count, number(bytes, offset, 4) == 0x4D52_4601 {
                let end = offset + 48 + Int(number(bytes, offset + 8, 4))
                frames.append(
                    Frame(
                        segment: segment, range: offset..<end, first: number(bytes, offset + 16, 8),
                        count: Int(number(bytes, offset + 12, 4))))
                offset = end
            }
            return frames
        }
    }

    /// Finds an entry.
    func record(_ index: UInt64) throws -> (frame: Frame, range: Range<Int>) {
        for frame in frames() where index >= frame.first && index - frame.first < frame.count {
            let bytes = disk.bytes(of: segmentPath(frame.segment)) ?? []
            var start = frame.range.lowerBound + 48
            for number in frame.first...index {
                let byteCount =
                    16 + Int(self.number(bytes, start + 4, 4))
                    + Int(self.number(bytes, start + 8, 4))
                if number == index { return (frame, start..<start + byteCount) }
                start += byteCount
            }
        }
        throw BrokenPromise("there is no entry \(index)")
    }

    // MARK: changing

    /// Changes the last byte of an entry, which is its value's, or the key's if it has none.
    func changeValue(of index: UInt64) throws {
        let (frame, range) = try record(index)
        edit(segmentPath(frame.segment)) { $0[range.upperBound - 1] ^= 0x20 }
    }

    /// Swaps the records of two entries that have the same length.
    func swapRecords(_ first: UInt64, _ second: UInt64) throws {
        let (frame, one) = try record(first)
        let (other, two) = try record(second)
        guard frame.segment == other.segment, one.count == two.count else {
            throw BrokenPromise("these records cannot change places")
        }
        edit(segmentPath(frame.segment)) { bytes in
            let (left, right) = (Array(bytes[one]), Array(bytes[two]))
            bytes.replaceSubrange(one, with: right)
            bytes.replaceSubrange(two, with: left)
        }
    }

    /// Corrects the checksums of an entry's record, and those of its frame.
    func correctChecksums(of index: UInt64) throws {
        let (frame, range) = try record(index)
        edit(segmentPath(frame.segment)) { bytes in
            var crc = CRC32C()
            crc.update(index)
            bytes[range.lowerBound..<range.lowerBound + 12].withUnsafeBytes { crc.update($0) }
            bytes[range.lowerBound + 16..<range.upperBound].withUnsafeBytes { crc.update($0) }
            put(crc.value, at: range.lowerBound + 12, in: &bytes)
        }
        correctChecksums(of: frame)
    }

    func correctChecksums(of frame: Frame) {
        edit(segmentPath(frame.segment)) { bytes in
            let start = frame.range.lowerBound
            for (range, place) in [
                (start + 48..<frame.range.upperBound, start + 40), (start..<start + 44, start + 44),
            ] {
                var crc = CRC32C()
                identity.bytes.withUnsafeBytes { crc.update($0) }
                crc.update(UInt64(frame.segment) << 32 | UInt64(start))
                bytes[range].withUnsafeBytes { crc.update($0) }
                put(crc.value, at: place, in: &bytes)
            }
        }
    }

    /// Sets the root that a frame holds, with its checksums.
    func setRoot(_ root: Digest, of frame: Frame) {
        edit(segmentPath(frame.segment)) { bytes in
            bytes.replaceSubrange(
                frame.range.upperBound - 32..<frame.range.upperBound, with: root.bytes)
        }
        correctChecksums(of: frame)
    }

    /// Writes the tree file again, with the leaves of the entries as they are now.
    func correctDigests() throws -> MerkleAccumulator {
        var tree = MerkleAccumulator()
        var digests: [UInt8] = []
        for frame in frames() {
            let bytes = disk.bytes(of: segmentPath(frame.segment)) ?? []
            for index in frame.first..<frame.first + UInt64(frame.count) {
                let range = try record(index).range
                let keyEnd = range.lowerBound + 16 + Int(number(bytes, range.lowerBound + 4, 4))
                tree.append(
                    .leaf(
                        index: EntryIndex(index), key: bytes[range.lowerBound + 16..<keyEnd],
                        value: bytes[keyEnd..<range.upperBound])
                ) { _, digest in digests += digest.bytes }
            }
        }
        edit("\(path)/tree/digests") { bytes in
            bytes.replaceSubrange(4096..<4096 + digests.count, with: digests)
        }
        return tree
    }

    /// Returns the root over the entries up to the end of a frame, as they are now.
    func root(after frame: Frame) throws -> Digest {
        var tree = MerkleAccumulator()
        for other in frames() where other.first < frame.first + UInt64(frame.count) {
            let bytes = disk.bytes(of: segmentPath(other.segment)) ?? []
            for index in other.first..<other.first + UInt64(other.count) {
                let range = try record(index).range
                let keyEnd = range.lowerBound + 16 + Int(number(bytes, range.lowerBound + 4, 4))
                tree.append(
                    .leaf(
                        index: EntryIndex(index), key: bytes[range.lowerBound + 16..<keyEnd],
                        value: bytes[keyEnd..<range.upperBound]))
            }
        }
        return tree.root
    }

    func edit(_ file: String, _ change: (inout [UInt8]) -> Void) {
        guard var bytes = disk.bytes(of: file) else { return }
        change(&bytes)
        disk.replace(file, with: bytes)
    }

    private func number(_ bytes: [UInt8], _ offset: Int, _ byteCount: Int) -> UInt64 {
        bytes[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func put(_ number: UInt32, at offset: Int, in bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) {
            bytes.replaceSubrange(offset..<offset + 4, with: $0)
        }
    }
}
