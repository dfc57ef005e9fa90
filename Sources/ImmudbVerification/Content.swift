import Foundation
public import ImmudbModel
import ImmudbProtocol

extension Entry {
    /// The value as the clients of immudb write it: payload and time.
    ///
    /// nil if the value is raw. Nothing in the ledger marks a value as structured, so a raw value
    /// that happens to be a canonical encoding of Content, as no bytes at all are, is taken for
    /// one.
    public var content: Content? { Content(storedValue: value) }

    /// What an application put in: the payload of a structured value, or a raw value as it is.
    public var payload: [UInt8] { content?.payload ?? value }
}

/// A structured value: what a client stores, with the time at which it says that it did.
///
/// The time is the client's word. The tree proves that it was not changed afterwards, not that it
/// was right.
public struct Content: Hashable, Sendable {
    /// Unix time in whole seconds.
    public var timestamp: UInt64
    public var payload: [UInt8]

    public init(timestamp: UInt64, payload: [UInt8]) {
        self.timestamp = timestamp
        self.payload = payload
    }

    /// A value with the time of now, by this machine's clock.
    public static func now(_ payload: [UInt8]) -> Content {
        // A clock before 1970 is wrong anyway.
        Content(timestamp: UInt64(max(0, Date().timeIntervalSince1970)), payload: payload)
    }

    /// Reads a stored value.
    ///
    /// - Returns: nil unless encoding the result gives the same bytes again.
    public init?(storedValue: [UInt8]) {
        guard let message = Immudb_Schema_Content(storedValue: storedValue) else { return nil }
        self.init(timestamp: message.timestamp, payload: [UInt8](message.payload))
    }

    /// The bytes that are stored, and that the leaf covers.
    public var storedValue: [UInt8] {
        var message = Immudb_Schema_Content()
        message.timestamp = timestamp
        message.payload = Data(payload)
        return message.storedValue
    }
}
