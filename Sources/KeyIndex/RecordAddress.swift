public import MerkleTree

/// The address of a record in the ledger: which entry it is of, where it begins, and its length.
public struct RecordAddress: Hashable, Sendable {
    public var index: EntryIndex
    /// The raw value of the entry's `EntryKind`. The index treats members of sorted sets apart, and
    /// all others alike.
    public var kind: UInt8
    /// Where the record begins: the ledger's own number for a segment and a byte in it.
    public var position: UInt64
    /// The record's length in bytes.
    public var length: UInt32

    public init(index: EntryIndex, kind: UInt8, position: UInt64, length: UInt32) {
        self.index = index
        self.kind = kind
        self.position = position
        self.length = length
    }
}

/// An entry as the key index takes it.
public struct IndexedKey: Sendable {
    public var key: [UInt8]
    public var address: RecordAddress
    /// How many bytes at the end of the key are the member's name, for entries of kind
    /// `EntryKind.sortedSetMember`.
    public var memberLength: Int

    public init(key: [UInt8], address: RecordAddress, memberLength: Int = 0) {
        self.key = key
        self.address = address
        self.memberLength = memberLength
    }
}

extension RecordAddress {
    /// 8 bytes index, 8 position, 4 length, 1 kind; numbers big-endian.
    static let encodedByteCount = 21

    /// - Parameter bytes: room for `encodedByteCount`.
    func encode(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: index.rawValue.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: position.bigEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: length.bigEndian, toByteOffset: 16, as: UInt32.self)
        bytes.storeBytes(of: kind, toByteOffset: 20, as: UInt8.self)
    }

    /// - Returns: nil unless there are exactly `encodedByteCount` bytes.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.encodedByteCount else { return nil }
        self.init(
            index: EntryIndex(UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))),
            kind: bytes[20],
            position: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            length: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
    }
}
