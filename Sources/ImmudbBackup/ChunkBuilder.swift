import ImmudbModel
public import MerkleTree
public import StorageIO

/// Makes chunks, one after the other; by one thread.
///
/// Cost of an entry: one copy of its bytes, and a checksum over them.
public struct ChunkBuilder {
    private let identity: DatabaseIdentity
    /// The chunk so far, with room for its header.
    private var bytes: [UInt8] = []
    private var firstIndex = EntryIndex(0)
    private var timeMicroseconds: Int64 = 0
    public private(set) var entryCount = 0

    public init(_ identity: DatabaseIdentity) {
        self.identity = identity
    }

    /// Returns whether the chunk has room for an entry; an empty one has room for any.
    public func hasRoom(for entry: BackupEntry) -> Bool {
        guard entryCount > 0 else { return true }
        let needed =
            BackupEntryHeader.byteCount(isFirstOfFrame: entry.isFirstOfFrame) + entry.key.count
            + entry.value.count
        return bytes.count - BackupChunk.Header.byteCount + needed <= BackupFormat.chunkByteCount
    }

    /// Adds an entry.
    ///
    /// - Precondition: it follows the one before.
    public mutating func add(_ entry: BackupEntry) {
        if entryCount == 0 {
            bytes.reserveCapacity(
                max(BackupFormat.chunkByteCount, entry.key.count + entry.value.count) + 128)
            bytes.append(contentsOf: repeatElement(0, count: BackupChunk.Header.byteCount))
            firstIndex = entry.index
            timeMicroseconds = entry.timeMicroseconds
        }
        precondition(entry.index.rawValue == firstIndex.rawValue + UInt64(entryCount))
        bytes.append(entry.kind.rawValue)
        bytes.append(
            (entry.isEndOfBatch ? BackupEntryHeader.endOfBatchMark : 0)
                | (entry.isFirstOfFrame ? BackupEntryHeader.firstOfFrameMark : 0))
        bytes.append(number: UInt16(0))
        bytes.append(number: UInt32(entry.key.count))
        bytes.append(number: UInt32(entry.value.count))
        if entry.isFirstOfFrame { bytes.append(number: entry.timeMicroseconds) }
        bytes.append(contentsOf: entry.key)
        bytes.append(contentsOf: entry.value)
        entryCount += 1
    }

    /// Returns the chunk's bytes, and begins the next one.
    ///
    /// - Parameter root: the root over all entries of the database up to the last one that was added.
    public mutating func finish(root: Digest) -> [UInt8] {
        precondition(entryCount > 0, "a chunk has an entry")
        bytes.append(root)
        let payload = bytes.withUnsafeBytes {
            CRC32C.checksum(
                UnsafeRawBufferPointer(rebasing: $0[BackupChunk.Header.byteCount...]))
        }
        bytes.put(BackupFormat.chunkMagic, at: 0)
        bytes.put(UInt32(bytes.count - BackupChunk.Header.byteCount), at: 8)
        bytes.put(UInt32(entryCount), at: 12)
        bytes.put(firstIndex.rawValue, at: 16)
        bytes.put(timeMicroseconds, at: 24)
        bytes.put(payload, at: BackupChunk.Header.payloadChecksumOffset)
        bytes.put(
            BackupFormat.checksum(bytes[..<BackupChunk.Header.checksumOffset], identity),
            at: BackupChunk.Header.checksumOffset)
        entryCount = 0
        defer { bytes = [] }
        return bytes
    }
}
