public import MerkleTree
public import StorageIO

/// The checksums that are made to fit a change.
public enum Mending: Sendable {
    /// None: a bit that rots.
    case nothing
    /// That of the record.
    case record
    /// Those of the record and of its frame.
    case frame
}

extension HexEditor where Disk == POSIXFileSystem {
    /// - Parameter folder: the folder of the database.
    public init(_ folder: String) { self.init(POSIXFileSystem(), path: folder) }
}

extension HexEditor {
    // MARK: the ledger

    /// Flips a bit in the last byte of an entry, which is its value's, or the key's if it has none.
    public func changeValue(of index: UInt64, mending: Mending = .nothing) throws {
        let record = try record(of: index)
        try edit(segmentPath(record.frame.segment)) { bytes in
            bytes[record.range.upperBound - 1] ^= 1
            if mending != .nothing { Self.seal(record, in: &bytes) }
            if mending == .frame { Self.seal(record.frame, in: &bytes) }
        }
    }

    /// Swaps the records of two entries of a segment, which have the same lengths.
    public func swapRecords(_ first: UInt64, _ second: UInt64, mending: Mending = .nothing) throws {
        let (first, second) = (try record(of: first), try record(of: second))
        precondition(first.frame.segment == second.frame.segment)
        precondition(first.key.count == second.key.count)
        precondition(first.range.count == second.range.count)
        try edit(segmentPath(first.frame.segment)) { bytes in
            let (left, right) = (Array(bytes[first.range]), Array(bytes[second.range]))
            bytes.replaceSubrange(first.range, with: right)
            bytes.replaceSubrange(second.range, with: left)
            for record in [first, second] {
                if mending != .nothing { Self.seal(record, in: &bytes) }
                if mending == .frame { Self.seal(record.frame, in: &bytes) }
            }
        }
    }

    /// Sets the root that a frame holds, with its checksums.
    public func setRoot(_ root: Digest, of frame: Frame) throws {
        try edit(segmentPath(frame.segment)) { bytes in
            bytes.replaceSubrange(
                frame.range.upperBound - Digest.byteCount..<frame.range.upperBound,
                with: root.bytes)
            Self.seal(frame, in: &bytes)
        }
    }

    /// Returns the root over the entries up to the end of a frame, as they are now.
    public func root(after frame: Frame) throws -> Digest {
        try tree { $0.index < frame.first + UInt64(frame.count) }.root
    }

    /// Writes into each frame, and into the heads of segments, the root that follows from the entries now.
    public func mendRoots() throws {
        var last: (frame: Frame, root: Digest)?
        for frame in try frames() {
            if let last, last.frame.segment != frame.segment {
                try setRoot(last.root, beforeSegment: frame.segment)
            }
            let root = try root(after: frame)
            try setRoot(root, of: frame)
            last = (frame, root)
        }
    }

    private func setRoot(_ root: Digest, beforeSegment number: Int) throws {
        try edit(segmentPath(number)) { bytes in
            bytes.replaceSubrange(48..<48 + Digest.byteCount, with: root.bytes)
            bytes.put(bytes[..<124].withUnsafeBytes(CRC32C.checksum), at: 124)
        }
    }

    /// Cuts the segment where the record of an entry begins.
    public func cut(before index: UInt64) throws {
        let record = try record(of: index)
        try edit(segmentPath(record.frame.segment)) {
            $0.removeSubrange(record.range.lowerBound...)
        }
    }

    /// Flips a bit of a file.
    public func flip(_ file: String, byte: Int) throws {
        try edit(file) { $0[byte] ^= 0x10 }
    }

    // MARK: the tree

    /// Writes the leaf of an entry as it is in the ledger now.
    public func mendLeaf(of index: UInt64) throws {
        var leaf: Digest?
        _ = try tree {
            $0.index <= index
        } completed: { position, digest in
            if position.level == 0 { leaf = digest }
        }
        guard let leaf else { throw NoSuchEntry(index: index) }
        let offset = leafOffset(of: index)
        try edit(digests) {
            $0.replaceSubrange(offset..<offset + Digest.byteCount, with: leaf.bytes)
        }
    }

    /// Writes the leaves and all nodes as they follow from the ledger now.
    public func mendTree() throws {
        var bytes: [UInt8] = []
        _ = try tree { _ in
            true
        } completed: {
            bytes += $1.bytes
        }
        let start = FileFormat.viewHeadByteCount
        try edit(digests) { $0.replaceSubrange(start..<start + bytes.count, with: bytes) }
    }

    /// Computes the tree of the records that `isIncluded` lets in.
    private func tree(
        _ isIncluded: (Record) -> Bool,
        completed: (NodePosition, Digest) -> Void = { _, _ in }
    ) throws -> MerkleAccumulator {
        var tree = MerkleAccumulator()
        var read: (segment: Int, bytes: [UInt8])?
        for record in try records() where isIncluded(record) {
            if read?.segment != record.frame.segment {
                read = (record.frame.segment, try bytes(of: segmentPath(record.frame.segment)))
            }
            guard let bytes = read?.bytes else { continue }
            tree.append(
                .leaf(
                    index: EntryIndex(record.index), key: bytes[record.key],
                    value: bytes[record.value]), completed: completed)
        }
        return tree
    }

    // MARK: checksums

    private static func seal(_ record: Record, in bytes: inout [UInt8]) {
        let start = record.range.lowerBound
        var crc = CRC32C()
        crc.update(record.index)
        bytes[start..<start + 12].withUnsafeBytes { crc.update($0) }
        bytes[record.key.lowerBound..<record.value.upperBound].withUnsafeBytes { crc.update($0) }
        bytes.put(crc.value, at: start + 12)
    }

    private static func seal(_ frame: Frame, in bytes: inout [UInt8]) {
        let start = frame.range.lowerBound
        let payload = start + FileFormat.frameHeadByteCount..<frame.range.upperBound
        for (range, place) in [(payload, start + 40), (start..<start + 44, start + 44)] {
            var crc = CRC32C()
            // The identity of the database, from the segment's head.
            bytes[16..<32].withUnsafeBytes { crc.update($0) }
            crc.update(UInt64(frame.segment) << 32 | UInt64(start))
            bytes[range].withUnsafeBytes { crc.update($0) }
            bytes.put(crc.value, at: place)
        }
    }
}
