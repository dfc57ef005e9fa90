public import ImmudbModel
public import MerkleTree
import StorageIO

/// An entry of a chunk, its bytes still in the chunk's memory.
public struct BackupEntry {
    public let index: EntryIndex
    public let kind: EntryKind
    public let isEndOfBatch: Bool
    /// Whether the ledger had it as the first one of a frame.
    public let isFirstOfFrame: Bool
    /// When its frame was written, in microseconds since 1970.
    public let timeMicroseconds: Int64
    public let key: UnsafeRawBufferPointer
    public let value: UnsafeRawBufferPointer

    public init(
        index: EntryIndex, kind: EntryKind, isEndOfBatch: Bool, isFirstOfFrame: Bool,
        timeMicroseconds: Int64, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) {
        self.index = index
        self.kind = kind
        self.isEndOfBatch = isEndOfBatch
        self.isFirstOfFrame = isFirstOfFrame
        self.timeMicroseconds = timeMicroseconds
        self.key = key
        self.value = value
    }
}

/// The head of an entry in a chunk; a time follows if it is the first one of a frame, then key and value.
enum BackupEntryHeader {
    static let byteCount = 12
    static let timeByteCount = 8
    static let endOfBatchMark: UInt8 = 1
    static let firstOfFrameMark: UInt8 = 2

    static func byteCount(isFirstOfFrame: Bool) -> Int {
        byteCount + (isFirstOfFrame ? timeByteCount : 0)
    }
}

/// Consecutive entries, with checksums, and the root over the database up to the last one. The checksums are verified.
public struct BackupChunk: Sendable {
    /// What is known of a chunk by its header.
    struct Header {
        static let byteCount = 40
        static let payloadChecksumOffset = 32
        static let checksumOffset = 36

        let payloadByteCount: Int
        let entryCount: Int
        let firstIndex: EntryIndex
        let timeMicroseconds: Int64
        let payloadChecksum: UInt32

        /// - Returns: nil if the bytes are damaged, or state what no chunk has.
        init?(_ bytes: [UInt8], _ identity: DatabaseIdentity) {
            guard bytes.count == Self.byteCount,
                bytes.number(UInt32.self, at: 0) == BackupFormat.chunkMagic,
                BackupFormat.checksum(bytes[..<Self.checksumOffset], identity)
                    == bytes.number(UInt32.self, at: Self.checksumOffset),
                bytes.number(UInt32.self, at: 4) == 0
            else { return nil }
            payloadByteCount = Int(bytes.number(UInt32.self, at: 8))
            entryCount = Int(bytes.number(UInt32.self, at: 12))
            firstIndex = EntryIndex(bytes.number(UInt64.self, at: 16))
            timeMicroseconds = bytes.number(Int64.self, at: 24)
            payloadChecksum = bytes.number(UInt32.self, at: 32)
            let entriesByteCount = payloadByteCount - Digest.byteCount
            let limit =
                entryCount == 1
                ? BackupFormat.maximumEntriesByteCount : BackupFormat.chunkByteCount
            guard entryCount > 0, entriesByteCount <= limit,
                entriesByteCount / BackupEntryHeader.byteCount >= entryCount,
                firstIndex.rawValue < 1 << 62
            else { return nil }
        }
    }

    /// What a chunk of one entry has beside key and value: its head, a time, and the root.
    static let overheadByteCount =
        BackupEntryHeader.byteCount(isFirstOfFrame: true) + Digest.byteCount

    private let header: Header
    private let payload: [UInt8]

    public var firstIndex: EntryIndex { header.firstIndex }
    public var entryCount: Int { header.entryCount }
    /// The entry after the last one.
    public var endIndex: EntryIndex { EntryIndex(firstIndex.rawValue + UInt64(entryCount)) }
    /// The root over all entries of the database up to the last one of this chunk, as the chunk states it.
    public var root: Digest { payload.digest(at: payload.count - Digest.byteCount) }
    /// The bytes of the chunk in the stream.
    public var byteCount: Int { Header.byteCount + payload.count }

    /// - Returns: nil if the payload is damaged.
    init?(_ header: Header, payload: [UInt8]) {
        guard payload.count == header.payloadByteCount,
            payload.withUnsafeBytes(CRC32C.checksum) == header.payloadChecksum
        else { return nil }
        self.header = header
        self.payload = payload
    }

    /// Calls `body` with each entry, in order.
    ///
    /// - Throws: `corruption` where the payload is not exactly so many entries; `incompatibleFormat` for a kind or a mark
    ///   that this version does not know. `body` was called with the entries before that.
    public func forEachEntry(
        _ body: (BackupEntry) throws(StoreError) -> Void
    ) throws(StoreError) {
        try payload.withUnsafeBytes { payload in
            Result { () throws(StoreError) -> Void in
                let entries = UnsafeRawBufferPointer(rebasing: payload.dropLast(Digest.byteCount))
                var time = header.timeMicroseconds
                var start = 0
                for number in 0..<entryCount {
                    let index = EntryIndex(firstIndex.rawValue + UInt64(number))
                    start = try entry(index, of: entries, from: start, &time, body)
                }
                guard start == entries.count else { throw malformed(endIndex) }
            }
        }.get()
    }

    /// Passes one entry to `body`.
    ///
    /// - Returns: the offset of its end.
    private func entry(
        _ index: EntryIndex, of entries: UnsafeRawBufferPointer, from start: Int,
        _ time: inout Int64, _ body: (BackupEntry) throws(StoreError) -> Void
    ) throws(StoreError) -> Int {
        func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
            Number(littleEndian: entries.loadUnaligned(fromByteOffset: start + offset, as: type))
        }
        let left = entries.count - start
        guard left >= BackupEntryHeader.byteCount else { throw malformed(index) }
        let marks = number(UInt8.self, at: 1)
        guard let kind = EntryKind(rawValue: number(UInt8.self, at: 0)), marks <= 3,
            number(UInt16.self, at: 2) == 0
        else {
            throw StoreError(
                .incompatibleFormat,
                "entry \(index) is of a kind that this version does not know")
        }
        let isFirst = marks & BackupEntryHeader.firstOfFrameMark != 0
        let headByteCount = BackupEntryHeader.byteCount(isFirstOfFrame: isFirst)
        let keyByteCount = Int(number(UInt32.self, at: 4))
        let valueByteCount = Int(number(UInt32.self, at: 8))
        guard headByteCount + keyByteCount + valueByteCount <= left else { throw malformed(index) }
        if isFirst { time = number(Int64.self, at: BackupEntryHeader.byteCount) }
        let key = start + headByteCount
        let value = key + keyByteCount
        let end = value + valueByteCount
        try body(
            BackupEntry(
                index: index, kind: kind,
                isEndOfBatch: marks & BackupEntryHeader.endOfBatchMark != 0,
                isFirstOfFrame: isFirst, timeMicroseconds: time,
                key: UnsafeRawBufferPointer(rebasing: entries[key..<value]),
                value: UnsafeRawBufferPointer(rebasing: entries[value..<end])))
        return end
    }

    private func malformed(_ index: EntryIndex) -> StoreError {
        StoreError(.corruption, "entry \(index): the chunk does not hold it whole")
    }
}
