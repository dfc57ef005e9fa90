/// The key of a sorted set's entry: the set's name, the score, the member.
///
/// In bytes: set ‖ 8 bytes of the score's IEEE 754 bits, big-endian ‖ member. The bytes do not show where the set's
/// name ends; the length of the entry's value, which is the member, does.
public struct SortedSetKey: Hashable, Sendable {
    public let set: [UInt8]
    /// The score with its original bits: -0.0 is kept, although it is equal to 0.0, also in the order.
    public let score: Double
    public let member: [UInt8]

    /// The size of the score in the key.
    public static let scoreByteCount = MemoryLayout<Double>.size

    public init(set: [UInt8], score: Double, member: [UInt8]) {
        self.set = set
        self.score = score
        self.member = member
    }

    /// Splits a key whose last `memberByteCount` bytes are the member. The parts are not checked.
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

    /// Returns the position of the score in a key of that size.
    /// - Returns: nil if there is no room for a score before the member.
    public static func scoreStart(keyByteCount: Int, memberByteCount: Int) -> Int? {
        guard memberByteCount >= 0 else { return nil }
        let start = keyByteCount - memberByteCount - scoreByteCount
        return start >= 0 ? start : nil
    }

    /// Returns the bits of the score that begins at `start`.
    public static func scoreBits(in bytes: [UInt8], at start: Int) -> UInt64 {
        bytes[start..<start + scoreByteCount].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
