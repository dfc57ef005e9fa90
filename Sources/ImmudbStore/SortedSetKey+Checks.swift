public import ImmudbModel

extension SortedSetKey {
    /// Splits the key of an entry of a known set.
    /// - Returns: nil if no member of that set can have this key.
    public init?(bytes: [UInt8], set: [UInt8]) {
        guard bytes.starts(with: set) else { return nil }
        self.init(
            bytes: bytes, memberByteCount: bytes.count - set.count - Self.scoreByteCount)
        guard (try? Limits.validate(newMember: self)) != nil else { return nil }
    }

    /// Splits the offset of a walk over a known set: the key of one of its entries, or one that ends with the score,
    /// which comes before all members with that score.
    /// - Returns: nil if no member of that set can have a key that begins with these bytes.
    init?(offset bytes: [UInt8], set: [UInt8]) {
        if let key = SortedSetKey(bytes: bytes, set: set) {
            self = key
            return
        }
        guard bytes.starts(with: set), bytes.count == set.count + Self.scoreByteCount else {
            return nil
        }
        self.init(bytes: bytes, memberByteCount: 0)
        guard !score.isNaN else { return nil }
    }

    /// Splits the key of a sorted set's entry.
    /// - Returns: nil for an entry of another kind.
    public init?(entry: Entry) {
        guard entry.kind == .sortedSetMember else { return nil }
        self.init(bytes: entry.key, memberByteCount: entry.value.count)
        guard member == entry.value else { return nil }
    }
}
