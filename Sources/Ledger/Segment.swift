import MerkleTree
import StorageIO

/// One file of the ledger.
final class Segment: Sendable {
    let identity: DatabaseIdentity
    let number: UInt32
    /// The index of the first entry that is, or will be, in it.
    let firstIndex: EntryIndex
    /// The Merkle root over all entries before.
    let rootBefore: Digest
    let file: any StorageFile

    init(
        identity: DatabaseIdentity, number: UInt32, firstIndex: EntryIndex, rootBefore: Digest,
        file: any StorageFile
    ) {
        self.identity = identity
        self.number = number
        self.firstIndex = firstIndex
        self.rootBefore = rootBefore
        self.file = file
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

    /// A damaged place of this file, in the words that every such error has.
    func corruption(at offset: Int, entry: EntryIndex, _ what: String) -> StoreError {
        StoreError(
            .corruption,
            "\(file.path), byte \(offset), entry \(entry): \(what). The file is damaged; nothing was "
                + "changed. Restore the folder from a backup, and check the disk")
    }

    /// See ``Ledger/readEntry(_:at:byteCount:)``.
    func readEntry(
        _ index: EntryIndex, at position: EntryPosition, byteCount: Int?
    ) throws(StoreError) -> LedgerEntry {
        let guess = min(byteCount ?? 1 << 10, 64 << 10)
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
        try withUnsafeTemporaryAllocation(byteCount: EntryHeader.byteCount, alignment: 8) {
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

/// The length of a record by its header: from 16 to 2^33 bytes, to be checked by the caller.
func entryByteCount(_ record: UnsafeRawBufferPointer) -> Int {
    EntryHeader.byteCount + Int(record.number(UInt32.self, at: EntryHeader.keyByteCountOffset))
        + Int(record.number(UInt32.self, at: EntryHeader.valueByteCountOffset))
}

extension LedgerEntry {
    /// Copies an entry out of a record that was checked.
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
