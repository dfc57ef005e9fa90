/// The key of a sorted set's entry: the set's name, the score, the member.
///
/// In bytes: set ‖ 8 bytes of the score's IEEE 754 bits, big-endian ‖ member. Nothing in the bytes
/// says where the set's name ends; the entry's value, which is the member, does.
public struct SortedSetKey: Hashable, Sendable {
    public let set: [UInt8]
    /// With the bits that came: -0.0 is kept, though it is equal to 0.0, in the order too.
    public let score: Double
    public let member: [UInt8]

    private static let scoreByteCount = MemoryLayout<Double>.size

    public init(set: [UInt8], score: Double, member: [UInt8]) {
        self.set = set
        self.score = score
        self.member = member
    }

    /// Takes the key of an entry of a known set apart.
    /// - Returns: nil if no member of that set can have this key.
    public init?(bytes: [UInt8], set: [UInt8]) {
        guard bytes.starts(with: set) else { return nil }
        self.init(
            unchecked: bytes, memberByteCount: bytes.count - set.count - Self.scoreByteCount)
        guard (try? Limits.validate(newMember: self)) != nil else { return nil }
    }

    /// Takes apart where a walk over a known set is to go on: the key of an entry of it, or one that
    /// ends with the score, which lies before all members of that score.
    /// - Returns: nil if no member of that set can have a key that begins like this.
    init?(offset bytes: [UInt8], set: [UInt8]) {
        if let key = SortedSetKey(bytes: bytes, set: set) {
            self = key
            return
        }
        guard bytes.starts(with: set), bytes.count == set.count + Self.scoreByteCount else {
            return nil
        }
        self.init(unchecked: bytes, memberByteCount: 0)
        guard !score.isNaN else { return nil }
    }

    /// Takes the key of a sorted set's entry apart.
    /// - Returns: nil for an entry of another kind.
    public init?(entry: Entry) {
        guard entry.kind == .sortedSetMember else { return nil }
        self.init(unchecked: entry.key, memberByteCount: entry.value.count)
        guard member == entry.value else { return nil }
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

    /// - Returns: nil if there is no room for a score before the member.
    init?(unchecked bytes: [UInt8], memberByteCount: Int) {
        let memberStart = bytes.count - memberByteCount
        let scoreStart = memberStart - Self.scoreByteCount
        guard memberByteCount >= 0, scoreStart >= 0 else { return nil }
        let bits = bytes[scoreStart..<memberStart].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        self.init(
            set: Array(bytes[..<scoreStart]), score: Double(bitPattern: bits),
            member: Array(bytes[memberStart...]))
    }
}
