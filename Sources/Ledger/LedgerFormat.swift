public import MerkleTree
import StorageIO

// The bytes of the ledger's files; drawn in docs/format.md. All numbers are little-endian.

/// The position of an entry's record: a segment and an offset in its file.
public struct EntryPosition: Hashable, Sendable, CustomStringConvertible {
    public var segment: UInt32
    public var offset: UInt32

    public init(segment: UInt32, offset: UInt32) {
        self.segment = segment
        self.offset = offset
    }

    /// Unpacks both numbers, the segment from the upper half.
    public init(packed: UInt64) {
        segment = UInt32(truncatingIfNeeded: packed >> 32)
        offset = UInt32(truncatingIfNeeded: packed)
    }

    public var packed: UInt64 { UInt64(segment) << 32 | UInt64(offset) }

    public var description: String { "segment \(segment), byte \(offset)" }
}

/// The head of each segment file.
enum SegmentHeader {
    static let byteCount = 128
    static let magic: UInt64 = 0x3147_444C_554D_4D49  // "IMMULDG1"
    static let version: UInt32 = 1

    static let magicOffset = 0
    static let versionOffset = 8
    static let identityOffset = 16
    static let numberOffset = 32
    static let firstIndexOffset = 40
    static let rootOffset = 48
    static let checksumOffset = 124
}

/// The head of each frame.
enum FrameHeader {
    static let byteCount = 48
    static let magic: UInt32 = 0x4D52_4601  // 01 "FRM"

    static let magicOffset = 0
    static let typeOffset = 4
    static let payloadByteCountOffset = 8
    static let countOffset = 12
    static let firstIndexOffset = 16
    static let timeOffset = 24
    static let synchronizedOffset = 32
    static let payloadChecksumOffset = 40
    static let checksumOffset = 44
}

/// The address of a frame, which each of its checksums covers before its bytes. So bytes that look like a frame are not
/// valid elsewhere: neither in another database, nor inside of a value.
struct FrameAddress {
    var identity: DatabaseIdentity
    var segment: UInt32
    var offset: Int

    func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        identity.bytes.withUnsafeBytes { crc.update($0) }
        crc.update(UInt64(segment) << 32 | UInt64(offset))
        crc.update(bytes)
        return crc.value
    }
}

/// The content of a frame. Later types get new numbers; a reader refuses types that it does not know.
enum FrameType: UInt8 {
    /// Entries, then the Merkle root after them.
    case entries = 1
    /// Written by a clean close: only the root. Its only purpose is to state that everything before it was
    /// synchronized.
    case end = 2
}

/// The head of each entry in a frame; key and value follow.
public enum EntryHeader {
    public static let byteCount = 16

    static let kindOffset = 0
    static let marksOffset = 1
    static let keyByteCountOffset = 4
    static let valueByteCountOffset = 8
    static let checksumOffset = 12

    /// Marks the last entry of its batch.
    static let endOfBatchMark: UInt8 = 1
}

/// The most payload bytes in one frame, which limits the largest batch: 1 GiB.
public let maximumFramePayloadByteCount = 1 << 30

/// An entry as the ledger holds it. The ledger gives the kind no meaning.
public struct LedgerEntry: Hashable, Sendable {
    public var index: EntryIndex
    public var kind: UInt8
    public var isEndOfBatch: Bool
    public var key: [UInt8]
    public var value: [UInt8]

    public init(index: EntryIndex, kind: UInt8, isEndOfBatch: Bool, key: [UInt8], value: [UInt8]) {
        self.index = index
        self.kind = kind
        self.isEndOfBatch = isEndOfBatch
        self.key = key
        self.value = value
    }
}

extension UnsafeRawBufferPointer {
    func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension UnsafeMutableRawBufferPointer {
    func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }
}
