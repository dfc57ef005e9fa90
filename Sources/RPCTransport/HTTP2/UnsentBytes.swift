import NIOCore

/// The bytes of a stream's body that are not in frames yet.
struct UnsentBytes {
    private var bytes: [UInt8]
    /// The number of `bytes` that are in frames.
    private var offset = 0

    init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    var count: Int { bytes.count - offset }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: [UInt8]) {
        if isEmpty {
            self = UnsentBytes(more)
            return
        }
        // Not each time, since every byte would be moved again for each later message.
        if offset > bytes.count / 2 {
            bytes.removeFirst(offset)
            offset = 0
        }
        bytes += more
    }

    /// Moves the first `count` bytes into frames.
    mutating func move(_ count: Int, to frames: inout ByteBuffer) {
        let end = offset + count
        bytes.withUnsafeBytes {
            _ = frames.writeBytes(UnsafeRawBufferPointer(rebasing: $0[offset..<end]))
        }
        offset = end
    }
}
