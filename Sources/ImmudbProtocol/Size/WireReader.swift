/// The encoding of a field's content.
public enum WireType: UInt8, Sendable {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// Reads the fields of an encoded message without decoding them, for which SwiftProtobuf has no
/// API.
///
/// Takes no memory and does not recurse. A field inside of a group gets the number 0, which no
/// message has: this protocol has no groups. Ends early where the bytes are malformed.
struct WireReader {
    /// A field on the wire.
    struct Field {
        var number: UInt64
        var type: WireType
        /// The size with tag and length.
        var byteCount: Int
        /// The value of a varint, or the length of a length-delimited field.
        var value: UInt64
        /// The bytes of a length-delimited field.
        var content: UnsafeRawBufferPointer
        /// Whether tag and value fit into 64 bits. Decoders drop the excess bits.
        var fitsIn64Bits: Bool

        /// Whether encoding the tag and the value, of a varint or a length-delimited field, gives
        /// the same bytes again.
        var hasShortestForm: Bool {
            fitsIn64Bits
                && byteCount
                    == shortestByteCount(number << 3) + shortestByteCount(value) + content.count
        }

        private func shortestByteCount(_ varint: UInt64) -> Int {
            (63 - (varint | 1).leadingZeroBitCount) / 7 + 1
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private var groupDepth = 0
    /// Whether the last field had a number of more than 64 bits.
    private var hasDroppedBits = false

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Returns the next field, or nil at the end and where the bytes are malformed.
    mutating func next() -> Field? {
        guard offset < bytes.count else { return nil }
        let start = offset
        hasDroppedBits = false
        guard let tag = varint(), let type = WireType(rawValue: UInt8(tag & 7)) else { return nil }
        var number = tag >> 3
        if groupDepth > 0 { number = 0 }
        var value: UInt64 = 0
        var content = UnsafeRawBufferPointer(start: nil, count: 0)
        switch type {
        case .varint:
            guard let number = varint() else { return nil }
            value = number
        case .fixed64:
            guard skip(8) else { return nil }
        case .fixed32:
            guard skip(4) else { return nil }
        case .lengthDelimited:
            guard let count = varint(), count <= UInt64(bytes.count - offset) else { return nil }
            value = count
            content = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(count)])
            offset += Int(count)
        case .startGroup:
            groupDepth += 1
        case .endGroup:
            groupDepth -= 1
            guard groupDepth >= 0 else { return nil }
        }
        return Field(
            number: number, type: type, byteCount: offset - start, value: value, content: content,
            fitsIn64Bits: !hasDroppedBits)
    }

    private mutating func skip(_ count: Int) -> Bool {
        guard count <= bytes.count - offset else { return false }
        offset += count
        return true
    }

    /// Reads a number of seven bits a byte, the lowest first; at most ten bytes.
    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 70 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                if shift == 63, byte > 1 { hasDroppedBits = true }
                return value
            }
            shift += 7
        }
        return nil
    }
}
