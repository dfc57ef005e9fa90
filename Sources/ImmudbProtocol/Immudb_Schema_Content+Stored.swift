public import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Immudb_Schema_Content {
    /// Reads a stored value as structured content.
    ///
    /// Stored values have no mark that they are structured, and many raw values happen to parse as
    /// some protobuf message. So a value counts as Content only if encoding the decoded message
    /// gives the same bytes again. Unknown fields, fields out of order, repeated fields, zero
    /// fields and overlong numbers make it raw.
    ///
    /// - Parameter value: the bytes as stored. An empty value is Content with timestamp 0 and no
    ///   payload.
    /// - Returns: nil if the value is not Content.
    public init?(storedValue value: some SwiftProtobufContiguousBytes) {
        let content = value.withUnsafeBytes { bytes -> Immudb_Schema_Content? in
            guard let parts = Self.storedParts(of: bytes) else { return nil }
            return .with {
                $0.timestamp = parts.timestamp
                $0.payload = Data(parts.payload)
            }
        }
        guard let content else { return nil }
        self = content
    }

    /// Whether a stored value is structured content, see ``init(storedValue:)``. Copies nothing,
    /// and costs the same for values of any size.
    public static func isStoredValue(_ value: some SwiftProtobufContiguousBytes) -> Bool {
        value.withUnsafeBytes { storedParts(of: $0) != nil }
    }

    private static func storedParts(
        of bytes: UnsafeRawBufferPointer
    ) -> (timestamp: UInt64, payload: UnsafeRawBufferPointer)? {
        var reader = WireReader(bytes)
        var timestamp: UInt64 = 0
        var payload = UnsafeRawBufferPointer(start: nil, count: 0)
        var byteCount = 0
        var next = reader.next()
        if let field = next, field.number == 1, field.type == .varint, field.value != 0,
            field.hasShortestForm
        {
            timestamp = field.value
            byteCount += field.byteCount
            next = reader.next()
        }
        if let field = next, field.number == 2, field.type == .lengthDelimited,
            !field.content.isEmpty, field.hasShortestForm
        {
            payload = field.content
            byteCount += field.byteCount
        }
        return byteCount == bytes.count ? (timestamp, payload) : nil
    }

    /// The bytes that are stored and that the leaf covers: field 1, then field 2. Zero and empty
    /// fields are left out.
    public var storedValue: [UInt8] {
        var encoder = ContentEncoder()
        encoder.append(timestamp: timestamp)
        encoder.append(payload: payload)
        return encoder.bytes
    }
}

/// Writes the two fields of Content by hand, since the leaf depends on every byte and the encoding
/// must not fail.
private struct ContentEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func append(timestamp: UInt64) {
        guard timestamp != 0 else { return }
        bytes.append(0x08)
        append(varint: timestamp)
    }

    mutating func append(payload: some Collection<UInt8>) {
        guard !payload.isEmpty else { return }
        bytes.append(0x12)
        append(varint: UInt64(payload.count))
        bytes.append(contentsOf: payload)
    }

    private mutating func append(varint: UInt64) {
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
