import NIOCore
public import SwiftProtobuf

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A received message in the form that SwiftProtobuf reads, without a copy. A decoded message owns its bytes: `bytes`
/// and `string` fields are copied, and nothing points into the buffer afterwards.
struct ReceivedBytes: SwiftProtobufContiguousBytes {
    var buffer: ByteBuffer

    init(_ buffer: ByteBuffer) { self.buffer = buffer }

    init(repeating byte: UInt8, count: Int) {
        buffer = ByteBuffer(repeating: byte, count: count)
    }

    init<Bytes: Sequence>(_ bytes: Bytes) where Bytes.Element == UInt8 {
        buffer = ByteBuffer(bytes: bytes)
    }

    var count: Int { buffer.readableBytes }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try buffer.withUnsafeReadableBytes(body)
    }

    mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        try buffer.withUnsafeMutableReadableBytes(body)
    }
}

/// A message to be sent, with its 5-byte prefix. SwiftProtobuf serialises directly into it.
public struct FramedBytes: SwiftProtobufContiguousBytes, Sendable {
    static let prefixByteCount = 5

    var buffer: ByteBuffer

    /// Makes a message of `count` bytes, all of which `write` fills: for callers that encode it themselves.
    public init(count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        buffer = ByteBufferAllocator().buffer(capacity: count + Self.prefixByteCount)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count + Self.prefixByteCount) {
            room in
            room[0] = 0  // not compressed
            room.storeBytes(
                of: UInt32(truncatingIfNeeded: count).bigEndian, toByteOffset: 1, as: UInt32.self)
            let end = Self.prefixByteCount + count
            write(UnsafeMutableRawBufferPointer(rebasing: room[Self.prefixByteCount..<end]))
            return end
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

    public var count: Int { buffer.readableBytes - Self.prefixByteCount }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try buffer.withUnsafeReadableBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[Self.prefixByteCount...]))
        }
    }

    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        try buffer.withUnsafeMutableReadableBytes {
            try body(UnsafeMutableRawBufferPointer(rebasing: $0[Self.prefixByteCount...]))
        }
    }
}
