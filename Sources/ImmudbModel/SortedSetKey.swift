/// The key of a sorted set's entry: the set's name, the score, the member.
///
/// In bytes: set ‖ 8 bytes of the score's IEEE 754 bits, big-endian ‖ member. Nothing in the bytes
/// says where the set's name ends; the entry's value, which is the member, does.
public struct SortedSetKey: Hashable, Sendable {
    public let set: [UInt8]
    /// With the bits that came: -0.0 is kept, though it is equal to 0.0, in the order too.
    public let score: Double
    public let member: [UInt8]

    /// Of the score, in the key.
    public static let scoreByteCount = MemoryLayout<Double>.size

    public init(set: [UInt8], score: Double, member: [UInt8]) {
        self.set = set
        self.score = score
        self.member = member
    }

    /// Takes a key apart whose last `memberByteCount` bytes are the member. What the parts may be is
    /// not checked.
    /// - Returns: nil if there is no room for a score before the member.
    public init?(bytes: [UInt8], memberByteCount: Int) {
        guard
            let start = Self.scoreStart(
                keyByteCount: bytes.count, memberByteCount: memberByteCount)
        else { return nil }
        self.init(
            set: Array(bytes[..<start]),
            score: Double(bitPattern: Self.scoreBits(in: bytes, at: start)),
            member: Array(bytes[(start + Self.scoreByteCount)...]))
    }

    /// The key as it is stored and digested.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(set.count + Self.scoreByteCount + member.count)
        bytes += set
        withUnsafeBytes(of: score.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
        bytes += member
        return bytes
    }

    /// Where the score begins in a key of that size.
    /// - Returns: nil if there is no room for a score before the member.
    public static func scoreStart(keyByteCount: Int, memberByteCount: Int) -> Int? {
        guard memberByteCount >= 0 else { return nil }
        let start = keyByteCount - memberByteCount - scoreByteCount
        return start >= 0 ? start : nil
    }

    /// The bits of the score that begins at `start`.
    public static func scoreBits(in bytes: [UInt8], at start: Int) -> UInt64 {
        bytes[start..<start + scoreByteCount].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
