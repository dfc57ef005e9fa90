public import MerkleTree

/// The address of a record in the ledger: its entry, its position, and its length.
public struct RecordAddress: Hashable, Sendable {
    public var index: EntryIndex
    /// The raw value of the entry's `EntryKind`. The index treats members of sorted sets differently from all other
    /// kinds.
    public var kind: UInt8
    /// The position of the record: the ledger's number for a segment and an offset in it.
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

/// An entry in the form that the key index needs.
public struct IndexedKey: Sendable {
    public var key: [UInt8]
    public var address: RecordAddress
    /// The length of the member's name at the end of the key, for entries of kind `EntryKind.sortedSetMember`.
    public var memberLength: Int

    public init(key: [UInt8], address: RecordAddress, memberLength: Int = 0) {
        self.key = key
        self.address = address
        self.memberLength = memberLength
    }
}

extension RecordAddress {
    /// 8 bytes of the entry index, 8 position, 4 length, 1 kind; numbers big-endian.
    static let encodedByteCount = 21

    /// - Parameter bytes: memory for `encodedByteCount` bytes.
    func encode(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: index.rawValue.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: position.bigEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: length.bigEndian, toByteOffset: 16, as: UInt32.self)
        bytes.storeBytes(of: kind, toByteOffset: 20, as: UInt8.self)
    }

    /// - Returns: nil if there are not exactly `encodedByteCount` bytes.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.encodedByteCount else { return nil }
        self.init(
            index: EntryIndex(UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))),
            kind: bytes[20],
            position: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            length: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
    }
}

extension IndexedKey {
    /// No kind of entry.
    private static let unknownKind: UInt8 = 0xFF

    /// Makes the place holder of an entry whose key is unknown, since it is damaged: the index stays dense, and has no
    /// record of it.
    public static func unknown(at index: EntryIndex) -> IndexedKey {
        IndexedKey(
            key: [],
            address: RecordAddress(index: index, kind: unknownKind, position: 0, length: 0))
    }

    var isUnknown: Bool { address.kind == Self.unknownKind }
}
