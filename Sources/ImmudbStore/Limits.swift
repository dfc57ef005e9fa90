public import ImmudbModel

/// The limits of keys and batches. The rules are those of immudb 0.6's wire.
public enum Limits {
    /// The longest key, in bytes.
    public static let keyByteCount = 65_000
    /// The most entries in one batch.
    public static let batchEntryCount = 104_855
    /// No key begins with these bytes.
    public static let reservedPrefix = Array("!badger!".utf8)

    /// Checks a key that is to be read.
    /// - Throws: `invalidKey` for an empty key and one that begins with a zero byte.
    public static func validate(key: [UInt8]) throws(StoreError) {
        guard let first = key.first, first != 0 else {
            throw StoreError(.invalidKey, "a key \(isNoName)")
        }
    }

    /// Checks a key that is to be written.
    /// - Throws: `invalidKey` also for the reserved prefix; `keyTooLong`.
    public static func validate(newKey key: [UInt8]) throws(StoreError) {
        try validate(key: key)
        guard !key.starts(with: reservedPrefix) else {
            throw StoreError(.invalidKey, "keys that begin with !badger! are reserved")
        }
        guard key.count <= keyByteCount else {
            throw StoreError(
                .keyTooLong, "key of \(key.count) bytes exceeds the limit of \(keyByteCount)")
        }
    }

    /// Checks the name of a reference that is to be written.
    /// - Throws: `invalidReference` for an empty name and one that begins with a zero byte;
    ///   `invalidKey` for the reserved prefix; `keyTooLong`.
    public static func validate(newReference name: [UInt8]) throws(StoreError) {
        guard let first = name.first, first != 0 else {
            throw StoreError(.invalidReference, "the name of a reference \(isNoName)")
        }
        try validate(newKey: name)
    }

    /// Checks the name of a sorted set.
    /// - Throws: `invalidSet` for an empty name and one that begins with a zero byte.
    public static func validate(set: [UInt8]) throws(StoreError) {
        guard let first = set.first, first != 0 else {
            throw StoreError(.invalidSet, "the name of a sorted set \(isNoName)")
        }
    }

    /// Checks a member that is to be written: the member, the set, the score, then their key.
    /// - Throws: `invalidKey`, `invalidSet`, `invalidScore`, and `keyTooLong` if set, score (8
    ///   bytes) and member together are longer than a key may be.
    public static func validate(newMember key: SortedSetKey) throws(StoreError) {
        try validate(key: key.member)
        try validate(set: key.set)
        guard !key.score.isNaN else {
            throw StoreError(.invalidScore, "NaN is no score: it cannot be ordered")
        }
        try validate(newKey: key.bytes)
    }

    /// Checks the prefix of a walk over keys; an empty prefix is every key's.
    /// - Throws: `invalidPrefix` for one that begins with a zero byte, since no key does.
    public static func validate(prefix: [UInt8]) throws(StoreError) {
        guard prefix.first != 0 else {
            throw StoreError(.invalidPrefix, "no key begins with a zero byte")
        }
    }

    /// Checks the key after which a walk continues; an empty one is the start.
    /// - Throws: `invalidOffset` for one that begins with a zero byte, since no key does.
    public static func validate(offset: [UInt8]) throws(StoreError) {
        guard offset.first != 0 else { throw invalidOffset }
    }

    static let invalidOffset = StoreError(
        .invalidOffset, "a walk cannot continue there: it can have no such key")

    private static let isNoName = "cannot be empty or begin with a zero byte"
}
