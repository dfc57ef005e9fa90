public import Foundation

/// The types of keys and values: bytes, data, or text in UTF-8.
public protocol EntryBytes: Sendable {
    /// The bytes that are stored.
    var entryBytes: [UInt8] { get }
}

extension [UInt8]: EntryBytes {
    public var entryBytes: [UInt8] { self }
}

extension ArraySlice<UInt8>: EntryBytes {
    public var entryBytes: [UInt8] { Array(self) }
}

extension Data: EntryBytes {
    public var entryBytes: [UInt8] { Array(self) }
}

extension String: EntryBytes {
    public var entryBytes: [UInt8] { Array(utf8) }
}

extension Substring: EntryBytes {
    public var entryBytes: [UInt8] { Array(utf8) }
}
