import NIOCore
import SwiftProtobuf

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A received message as SwiftProtobuf reads it, without a copy. What is decoded from it owns its
/// bytes: `bytes` and `string` fields are copied out, nothing points into the buffer afterwards.
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

/// A message as it is sent, behind its 5-byte prefix: SwiftProtobuf asks for the bytes, and
/// serialises in place.
struct FramedBytes: SwiftProtobufContiguousBytes {
    static let prefixByteCount = 5

    var buffer: ByteBuffer

    init(repeating byte: UInt8, count: Int) {
        buffer = ByteBufferAllocator().buffer(capacity: count + Self.prefixByteCount)
        buffer.writeInteger(UInt8(0))  // not compressed
        buffer.writeInteger(UInt32(truncatingIfNeeded: count))
        // memset: the generic fill of a debug build takes milliseconds for a mebibyte.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            if let start = room.baseAddress { memset(start, Int32(byte), count) }
            return count
        }
    }

    init<Bytes: Sequence>(_ bytes: Bytes) where Bytes.Element == UInt8 {
        self.init(message: ByteBuffer(bytes: bytes))
    }

    /// A copy of a message that is serialised already.
    init(message: ByteBuffer) {
        self.init(repeating: 0, count: message.readableBytes)
        buffer.setBuffer(message, at: buffer.readerIndex + Self.prefixByteCount)
    }

    var count: Int { buffer.readableBytes - Self.prefixByteCount }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try buffer.withUnsafeReadableBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[Self.prefixByteCount...]))
        }
    }

    mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        try buffer.withUnsafeMutableReadableBytes {
            try body(UnsafeMutableRawBufferPointer(rebasing: $0[Self.prefixByteCount...]))
        }
    }
}
