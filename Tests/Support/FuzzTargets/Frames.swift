/// Makes the bytes of HTTP/2 frames, valid or invalid, from an input (RFC 9113, section 4).
enum Frames {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func frame(
        _ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]
    ) -> [UInt8] {
        Array(number(UInt32(payload.count)).dropFirst()) + [type, flags] + number(stream) + payload
    }

    static func number(_ number: UInt32) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// Encodes a field without Huffman coding. The peer's table keeps it if `isIndexed`. Texts have
    /// up to 126 bytes (RFC 7541, section 6.2).
    static func field(_ name: [UInt8], _ value: [UInt8], isIndexed: Bool = false) -> [UInt8] {
        let (name, value) = (name.prefix(126), value.prefix(126))
        return [isIndexed ? 0x40 : 0, UInt8(name.count)] + name + [UInt8(value.count)] + value
    }

    static func field(_ name: String, _ value: String) -> [UInt8] {
        field(Array(name.utf8), Array(value.utf8))
    }

    /// Encodes the headers of a gRPC request.
    static func request(_ path: String) -> [UInt8] {
        field(":method", "POST") + field(":scheme", "http") + field(":path", path)
            + field(":authority", "x") + field("content-type", "application/grpc")
            + field("te", "trailers")
    }

    /// Returns a gRPC message with its prefix.
    static func message(_ bytes: [UInt8], flag: UInt8 = 0, claims count: UInt32? = nil) -> [UInt8] {
        [flag] + number(count ?? UInt32(bytes.count)) + bytes
    }

    /// The payload of the last PING that a target sends. The answer shows that everything before it
    /// has been read.
    static let mark: [UInt8] = [0x66, 0x75, 0x7a, 0x7a, 0x65, 0x64, 0x21, 0x21]

    /// Makes one step of an input: a frame, or arbitrary bytes. `heads` makes the header block of a
    /// HEADERS frame.
    static func next(
        _ input: inout FuzzInput, _ heads: (inout FuzzInput) -> [UInt8]
    ) -> [UInt8] {
        let step = input.byte()
        let stream = UInt32(1 + 2 * (step >> 4))
        switch step & 15 {
        case 0: return input.chunk()
        case 1, 2, 3:
            return frame(1, 4 | input.byte() & 0x21, stream, heads(&input))
        case 4: return frame(1, input.byte(), stream, input.chunk())
        case 5: return frame(9, input.byte(), stream, input.chunk())
        case 6, 7:
            let flags = input.byte()
            return frame(
                0, flags & 1, stream,
                message(input.chunk(), flag: flags >> 7, claims: flags & 0x40 == 0 ? nil : 1 << 20))
        case 8: return frame(0, input.byte(), stream, input.chunk())
        case 9: return frame(3, 0, stream, number(UInt32(input.byte())))
        case 10:
            return frame(
                8, 0, step & 0x80 == 0 ? 0 : stream, number(UInt32(input.number(byteCount: 4))))
        case 11:
            var settings: [UInt8] = []
            for _ in 0..<(input.byte() & 7) { settings += [0] + input.bytes(5) }
            return frame(4, 0, 0, settings)
        case 12: return frame(6, input.byte() & 1, 0, input.bytes(8))
        case 13: return frame(2, 0, stream, input.bytes(5))
        case 14: return frame(7, 0, 0, input.chunk())
        default:
            return frame(
                input.byte(), input.byte(), UInt32(input.number(byteCount: 4)), input.chunk())
        }
    }
}

/// Splits incoming bytes into frames.
struct FrameReader {
    struct Frame {
        let type: UInt8
        let flags: UInt8
        let stream: UInt32
        let payload: ArraySlice<UInt8>
    }

    private var bytes: [UInt8] = []

    mutating func add(_ more: [UInt8]) { bytes += more }

    mutating func skip(_ count: Int) { bytes.removeFirst(min(count, bytes.count)) }

    mutating func next() -> Frame? {
        guard bytes.count >= 9 else { return nil }
        let count = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        guard bytes.count >= 9 + count else { return nil }
        let frame = Frame(
            type: bytes[3], flags: bytes[4],
            stream: bytes[5..<9].reduce(0) { $0 << 8 | UInt32($1) },
            payload: bytes[9..<9 + count])
        bytes.removeFirst(9 + count)
        return frame
    }
}
