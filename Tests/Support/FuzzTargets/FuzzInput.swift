/// Takes the bytes of an input apart. What is not there any more reads as zeros, so that every input
/// means something, and a prefix of an input means nearly the same.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Big-endian.
    mutating func number(byteCount: Int) -> UInt64 {
        var number: UInt64 = 0
        for _ in 0..<byteCount { number = number << 8 | UInt64(byte()) }
        return number
    }

    /// At most so many bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    /// Bytes with their length, in one byte, before them.
    mutating func chunk() -> [UInt8] { bytes(Int(byte())) }

    mutating func all() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
