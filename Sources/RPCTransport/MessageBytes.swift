import NIOCore
public import SwiftProtobuf

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A received message in the form that SwiftProtobuf reads, without a copy. A decoded message owns its bytes: `bytes`
/// and `string` fields are copied, and nothing points into the received ones afterwards.
struct ReceivedBytes: SwiftProtobufContiguousBytes, Sendable {
    private enum Storage {
        /// Bytes that arrived at once, as for most requests: one allocation.
        case array([UInt8])
        /// Bytes that arrived in parts. A buffer grows in place if the system supports that; an array would be
        /// copied, which would stop the event loop for milliseconds.
        case buffer(ByteBuffer)
    }

    private var storage = Storage.array([])

    init() {}

    init(_ buffer: ByteBuffer) { storage = .buffer(buffer) }

    init(repeating byte: UInt8, count: Int) {
        storage = .array(Array(repeating: byte, count: count))
    }

    init<Bytes: Sequence>(_ bytes: Bytes) where Bytes.Element == UInt8 {
        storage = .array(Array(bytes))
    }

    var count: Int {
        switch storage {
        case .array(let bytes): bytes.count
        case .buffer(let bytes): bytes.readableBytes
        }
    }

    /// Appends the next bytes of a message of `messageByteCount`.
    mutating func append(_ bytes: UnsafeRawBufferPointer, of messageByteCount: Int) {
        switch storage {
        case .array(let first):
            guard !first.isEmpty || bytes.count < messageByteCount else {
                storage = .array(Array(bytes))
                return
            }
            var buffer = ByteBuffer(bytes: first)
            buffer.writeBytes(bytes)
            storage = .buffer(buffer)
        case .buffer(var buffer):
            storage = .array([])  // the buffer has one owner while it grows
            buffer.writeBytes(bytes)
            storage = .buffer(buffer)
        }
    }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        switch storage {
        case .array(let bytes): try bytes.withUnsafeBytes(body)
        case .buffer(let bytes): try bytes.withUnsafeReadableBytes(body)
        }
    }

    mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        switch storage {
        case .array(var bytes):
            defer { storage = .array(bytes) }
            return try bytes.withUnsafeMutableBytes(body)
        case .buffer(var bytes):
            defer { storage = .buffer(bytes) }
            return try bytes.withUnsafeMutableReadableBytes(body)
        }
    }
}

/// A message to be sent, with its 5-byte prefix. SwiftProtobuf serialises directly into it.
public struct FramedBytes: SwiftProtobufContiguousBytes, Sendable {
    static let prefixByteCount = 5

    /// The prefix, followed by the message.
    private(set) var bytes: [UInt8]

    /// Makes a message of `count` bytes, all of which `write` fills: for callers that encode it themselves.
    public init(count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        let byteCount = Self.prefixByteCount + count
        bytes = Array(unsafeUninitializedCapacity: byteCount) { room, initializedCount in
            let room = UnsafeMutableRawBufferPointer(start: room.baseAddress, count: byteCount)
            room[0] = 0  // not compressed
            room.storeBytes(
                of: UInt32(truncatingIfNeeded: count).bigEndian, toByteOffset: 1, as: UInt32.self)
            write(UnsafeMutableRawBufferPointer(rebasing: room[Self.prefixByteCount..<byteCount]))
            initializedCount = byteCount
        }
    }

    public init(repeating byte: UInt8, count: Int) {
        self.init(count: count) { room in
            // memset: the generic fill of a debug build takes milliseconds for a mebibyte.
            if let start = room.baseAddress { memset(start, Int32(byte), room.count) }
        }
    }

    public init<Bytes: Sequence>(_ bytes: Bytes) where Bytes.Element == UInt8 {
        let bytes = Array(bytes)
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    public var count: Int { bytes.count - Self.prefixByteCount }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[Self.prefixByteCount..<$0.count]))
        }
    }

    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        try bytes.withUnsafeMutableBytes {
            try body(UnsafeMutableRawBufferPointer(rebasing: $0[Self.prefixByteCount..<$0.count]))
        }
    }
}
