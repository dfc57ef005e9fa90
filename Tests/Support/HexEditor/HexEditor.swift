import MerkleTree
public import StorageIO

/// Edits the files of a database in place, as somebody with a hex editor and knowledge of the format would: with the
/// checksums, the digests and the roots that depend on the bytes, or without them. The database may be open.
public struct HexEditor<Disk: FileSystem> {
    public struct Frame: Sendable {
        public let segment: Int
        /// The offsets in the file of the segment.
        public let range: Range<Int>
        public let first: UInt64
        public let count: Int
    }

    public struct Record: Sendable {
        public let index: UInt64
        public let frame: Frame
        /// The offsets in the file of the segment.
        public let range: Range<Int>
        public let key: Range<Int>
        public let value: Range<Int>
    }

    public let disk: Disk
    private let path: String

    /// - Parameter path: the folder of the database.
    public init(_ disk: Disk, path: String) {
        self.disk = disk
        self.path = path
    }

    // MARK: files

    public func segmentPath(_ number: Int) -> String {
        let digits = "\(number)"
        return "\(path)/ledger/" + String(repeating: "0", count: 10 - digits.count) + digits
            + ".segment"
    }

    /// The path of the first segment.
    public var segment: String { segmentPath(0) }
    public var digests: String { "\(path)/tree/digests" }
    public var positions: String { "\(path)/tree/places" }

    public var segmentCount: Int {
        get throws {
            try disk.names(inDirectory: "\(path)/ledger").count { $0.hasSuffix(".segment") }
        }
    }

    /// The offset of an entry's leaf in the file of digests.
    public func leafOffset(of index: UInt64) -> Int {
        FileFormat.viewHeadByteCount
            + Int(NodePosition(leaf: EntryIndex(index)).storageIndex) * Digest.byteCount
    }

    /// The offset of an entry's position in the file of positions.
    public func positionOffset(of index: UInt64) -> Int {
        FileFormat.viewHeadByteCount + Int(index) * 8
    }

    // MARK: finding

    /// Finds all frames of the segments up to the first one that is missing, those without entries included.
    public func frames() throws -> [Frame] {
        var frames: [Frame] = []
        for segment in 0..<(try segmentCount) {
            let bytes = try bytes(of: segmentPath(segment))
            var offset = FileFormat.firstFrame
            while offset + FileFormat.frameHeadByteCount <= bytes.count,
                bytes.number(at: offset, 4) == FileFormat.frameMagic
            {
                let end =
                    offset + FileFormat.frameHeadByteCount + Int(bytes.number(at: offset + 8, 4))
                frames.append(
                    Frame(
                        segment: segment, range: offset..<end,
                        first: bytes.number(at: offset + 16, 8),
                        count: Int(bytes.number(at: offset + 12, 4))))
                offset = end
            }
        }
        return frames
    }

    /// Finds all records, in order.
    public func records() throws -> [Record] {
        var records: [Record] = []
        var read: (segment: Int, bytes: [UInt8])?
        for frame in try frames() {
            if read?.segment != frame.segment {
                read = (frame.segment, try bytes(of: segmentPath(frame.segment)))
            }
            guard let bytes = read?.bytes else { continue }
            var start = frame.range.lowerBound + FileFormat.frameHeadByteCount
            for number in 0..<frame.count {
                let key = start + FileFormat.recordHeadByteCount
                let value = key + Int(bytes.number(at: start + 4, 4))
                let end = value + Int(bytes.number(at: start + 8, 4))
                records.append(
                    Record(
                        index: frame.first + UInt64(number), frame: frame, range: start..<end,
                        key: key..<value, value: value..<end))
                start = end
            }
        }
        return records
    }

    public func record(of index: UInt64) throws -> Record {
        guard let found = try records().first(where: { $0.index == index }) else {
            throw NoSuchEntry(index: index)
        }
        return found
    }

    // MARK: bytes

    public func bytes(of file: String) throws -> [UInt8] {
        let file = try disk.open(file, .readOnly)
        return try file.read(byteCount: Int(file.byteCount()), at: 0)
    }

    /// Changes a file, durably.
    public func edit(_ file: String, _ change: (inout [UInt8]) -> Void) throws {
        let file = try disk.open(file, .readWrite)
        let before = Int(try file.byteCount())
        var bytes = try file.read(byteCount: before, at: 0)
        change(&bytes)
        if bytes.count < before { try file.truncate(to: UInt64(bytes.count)) }
        try file.write(bytes, at: 0)
        try file.synchronize()
    }
}

public struct NoSuchEntry: Error {
    public let index: UInt64
}

enum FileFormat {
    static let firstFrame = 128
    static let frameHeadByteCount = 48
    static let recordHeadByteCount = 16
    static let viewHeadByteCount = 4096
    static let frameMagic: UInt64 = 0x4D52_4601
}

extension [UInt8] {
    func number(at offset: Int, _ byteCount: Int) -> UInt64 {
        self[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func put(_ number: UInt32, at offset: Int) {
        Swift.withUnsafeBytes(of: number.littleEndian) {
            replaceSubrange(offset..<offset + 4, with: $0)
        }
    }
}
