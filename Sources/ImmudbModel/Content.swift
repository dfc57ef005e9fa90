public import Foundation

extension Entry {
    /// The value as immudb's clients write it: payload and time.
    ///
    /// nil if the value is raw. Nothing in the ledger marks a value as structured, so a raw value that happens to be a
    /// canonical encoding of Content is taken for one; an empty value is one, too. Text is never taken for one: it
    /// would have to begin with a control character.
    public var content: Content? { Content(storedValue: value) }

    /// The application's data: the payload of a structured value, or a raw value as it is.
    ///
    /// This is not ``value``, which has the time before the payload if a client of immudb has written it.
    public var payload: [UInt8] { content?.payload ?? value }

    /// The payload as text; nil if it is not UTF-8.
    public var text: String? { String(validating: payload, as: UTF8.self) }

    /// The key as text; nil if it is not UTF-8.
    public var keyText: String? { String(validating: key, as: UTF8.self) }
}

/// A structured value: a client's data, with the time at which the client claims to have stored it.
///
/// The tree proves that the time was not changed afterwards, not that it was right.
public struct Content: Hashable, Sendable {
    /// Unix time in whole seconds; 0 if no time is known.
    public var timestamp: UInt64
    public var payload: [UInt8]

    public init(timestamp: UInt64, payload: [UInt8]) {
        self.timestamp = timestamp
        self.payload = payload
    }

    /// Makes a value with the current time of this machine's clock.
    public static func now(_ payload: [UInt8]) -> Content {
        // A clock before 1970 is wrong anyway.
        Content(timestamp: UInt64(max(0, Date().timeIntervalSince1970)), payload: payload)
    }

    /// ``timestamp`` as a date.
    public var date: Date { Date(timeIntervalSince1970: Double(timestamp)) }

    /// Decodes a stored value.
    ///
    /// - Returns: nil if encoding the result does not give the same bytes again.
    public init?(storedValue: [UInt8]) {
        var rest = storedValue[...]
        var content = Content(timestamp: 0, payload: [])
        if rest.first == Self.timestampTag {
            rest.removeFirst()
            guard let timestamp = Self.popVarint(&rest) else { return nil }
            content.timestamp = timestamp
        }
        if rest.first == Self.payloadTag {
            rest.removeFirst()
            guard let byteCount = Self.popVarint(&rest), byteCount == rest.count else { return nil }
            content.payload = Array(rest)
        }
        // Refuses fields out of order, zero ones and overlong numbers.
        guard content.storedValue == storedValue else { return nil }
        self = content
    }

    /// The bytes that are stored, and that the leaf covers: field 1 of protobuf, then field 2; zero and empty fields
    /// are left out.
    public var storedValue: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 22)
        if timestamp != 0 {
            bytes.append(Self.timestampTag)
            Self.append(timestamp, to: &bytes)
        }
        if !payload.isEmpty {
            bytes.append(Self.payloadTag)
            Self.append(UInt64(payload.count), to: &bytes)
            bytes += payload
        }
        return bytes
    }

    private static let timestampTag: UInt8 = 0x08
    private static let payloadTag: UInt8 = 0x12

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Removes a varint from the beginning and returns it; nil if the bytes do not begin with one of at most 64 bits.
    private static func popVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }
}
