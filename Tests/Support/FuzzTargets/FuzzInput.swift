/// Reads values from the bytes of an input. After the end it reads zeros, so that every input has a
/// meaning, and a prefix of an input nearly the same one.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Reads a big-endian number.
    mutating func number(byteCount: Int) -> UInt64 {
        var number: UInt64 = 0
        for _ in 0..<byteCount { number = number << 8 | UInt64(byte()) }
        return number
    }

    /// Reads at most `count` bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    /// Reads bytes after their length, which is one byte.
    mutating func chunk() -> [UInt8] { bytes(Int(byte())) }

    mutating func all() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
