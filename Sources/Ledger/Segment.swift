import MerkleTree
import StorageIO
import Synchronization

/// One file of the ledger. It is opened when it is read, and closed when other segments are read more: see
/// ``SegmentFiles``.
final class Segment: Sendable {
    let identity: DatabaseIdentity
    let number: UInt32
    /// The index of its first entry, which may not be written yet.
    let firstIndex: EntryIndex
    /// The Merkle root over all entries before this segment.
    let rootBefore: Digest
    let path: String
    private let files: SegmentFiles
    /// The open file, if it is open. Only ``SegmentFiles`` changes it.
    let openFile: Mutex<(any StorageFile)?>
    /// Whether the file was used since ``SegmentFiles`` last looked.
    let wasUsed = Atomic(false)

    /// The length of the file once it is complete; 0 while it grows.
    let completeByteCount = Atomic<UInt64>(0)

    /// - Parameter file: the open file of a segment that must stay open.
    init(
        _ head: SegmentHead, path: String, files: SegmentFiles, file: (any StorageFile)? = nil
    ) {
        identity = head.identity
        number = head.number
        firstIndex = head.firstIndex
        rootBefore = head.rootBefore
        self.path = path
        self.files = files
        openFile = Mutex(file)
    }

    /// Returns the open file. Costs a lock; a file that is not open is opened for reading.
    /// - Throws: the operating system's errors.
    func file() throws(StoreError) -> any StorageFile {
        if let file = openFile.withLock({ $0 }) {
            wasUsed.store(true, ordering: .relaxed)
            return file
        }
        return try files.open(self)
    }

    func byteCount() throws(StoreError) -> UInt64 {
        let complete = completeByteCount.load(ordering: .relaxed)
        return complete > 0 ? complete : try file().byteCount()
    }

    static func name(_ number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 10 - digits.count) + digits + ".segment"
    }

    static func number(ofName name: String) -> UInt32? {
        guard name.hasSuffix(".segment"), let number = UInt32(name.dropLast(8)),
            name == Segment.name(number)
        else { return nil }
        return number
    }

    /// Returns the error for damage at an offset of this file, with the same text for all such errors.
    func corruption(at offset: Int, entry: EntryIndex, _ what: String) -> StoreError {
        StoreError(
            .corruption,
            "\(path), byte \(offset), entry \(entry): \(what). The file is damaged, or was copied while "
                + "a server wrote to it; nothing was changed. Restore the folder from a backup and check "
                + "the disk, or copy it again from a server that is stopped")
    }

    /// See ``Ledger/readEntry(_:at:byteCount:)``.
    func readEntry(
        _ index: EntryIndex, at position: EntryPosition, byteCount: Int?
    ) throws(StoreError) -> LedgerEntry {
        let guess = min(byteCount ?? 1 << 10, 64 << 10)
        let file = try file()
        let first = try withUnsafeTemporaryAllocation(byteCount: guess, alignment: 8) { buffer in
            Result { () throws(StoreError) -> ReadEntry in
                let count = try file.read(into: buffer, at: UInt64(position.offset))
                return try decode(
                    index, UnsafeRawBufferPointer(rebasing: buffer[..<count]), position.offset)
            }
        }.get()
        switch first {
        case .entry(let entry): return entry
        case .needs(let byteCount):
            let bytes = try file.read(byteCount: byteCount, at: UInt64(position.offset))
            let second = bytes.withUnsafeBytes { buffer in
                Result { () throws(StoreError) in try decode(index, buffer, position.offset) }
            }
            if case .entry(let entry) = try second.get() { return entry }
            throw corruption(
                at: Int(position.offset), entry: index, "the record is longer than its file")
        }
    }

    /// See ``Ledger/recordByteCount(_:at:)``.
    func recordByteCount(at position: EntryPosition) throws(StoreError) -> Int {
        let file = try file()
        return try withUnsafeTemporaryAllocation(byteCount: EntryHeader.byteCount, alignment: 8) {
            buffer in
            Result { () throws(StoreError) in
                let count = try file.read(into: buffer, at: UInt64(position.offset))
                guard count == EntryHeader.byteCount else { return 0 }
                return min(
                    entryByteCount(UnsafeRawBufferPointer(buffer)), maximumFramePayloadByteCount)
            }
        }.get()
    }

    private enum ReadEntry {
        case entry(LedgerEntry)
        /// The record has this many bytes, more than were read.
        case needs(Int)
    }

    private func decode(
        _ index: EntryIndex, _ bytes: UnsafeRawBufferPointer, _ offset: UInt32
    ) throws(StoreError) -> ReadEntry {
        guard bytes.count >= EntryHeader.byteCount else {
            throw corruption(at: Int(offset), entry: index, "the file ends inside of the record")
        }
        let byteCount = entryByteCount(bytes)
        guard byteCount <= maximumFramePayloadByteCount else {
            throw corruption(at: Int(offset), entry: index, "the record's length is impossible")
        }
        guard byteCount <= bytes.count else { return .needs(byteCount) }
        let record = UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
        guard
            entryChecksum(index, record)
                == record.number(UInt32.self, at: EntryHeader.checksumOffset)
        else { throw corruption(at: Int(offset), entry: index, "the record fails its checksum") }
        return .entry(LedgerEntry(index: index, record: record))
    }
}

/// Returns the length of a record by its header: from 16 to 2^33 bytes; the caller must check it.
func entryByteCount(_ record: UnsafeRawBufferPointer) -> Int {
    EntryHeader.byteCount + Int(record.number(UInt32.self, at: EntryHeader.keyByteCountOffset))
        + Int(record.number(UInt32.self, at: EntryHeader.valueByteCountOffset))
}

extension LedgerEntry {
    /// Copies an entry out of a checked record.
    init(index: EntryIndex, record: UnsafeRawBufferPointer) {
        let keyEnd =
            EntryHeader.byteCount
            + Int(record.number(UInt32.self, at: EntryHeader.keyByteCountOffset))
        self.init(
            index: index, kind: record[EntryHeader.kindOffset],
            isEndOfBatch: record[EntryHeader.marksOffset] & EntryHeader.endOfBatchMark != 0,
            key: Array(record[EntryHeader.byteCount..<keyEnd]), value: Array(record[keyEnd...]))
    }
}
