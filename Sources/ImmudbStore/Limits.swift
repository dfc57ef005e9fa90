public import StorageIO

/// What keys and batches may be. The rules are those of immudb 0.6's wire.
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
            throw StoreError(.invalidKey, "invalid key")
        }
    }

    /// Checks a key that is to be written.
    /// - Throws: `invalidKey` also for the reserved prefix; `keyTooLong`.
    public static func validate(newKey key: [UInt8]) throws(StoreError) {
        try validate(key: key)
        guard !key.starts(with: reservedPrefix) else {
            throw StoreError(.invalidKey, "invalid key")
        }
        guard key.count <= keyByteCount else {
            throw StoreError(
                .keyTooLong, "key of \(key.count) bytes exceeds the limit of \(keyByteCount)")
        }
    }
}
