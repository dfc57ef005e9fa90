/// A SHA-256 digest: 32 bytes, inline. Copying one allocates nothing.
///
/// Leaves and nodes are hashed with different first bytes, so that neither can be passed off as the
/// other (RFC 6962, section 2.1).
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    // The 32 bytes as they lie in memory. As numbers, the words have no meaning.
    private var word0: UInt64
    private var word1: UInt64
    private var word2: UInt64
    private var word3: UInt64

    /// The root of a tree without leaves: SHA-256 of no bytes.
    public static let emptyTree = Digest(hashing: [])

    /// - Returns: nil if there are not exactly 32 bytes.
    public init?<Bytes: Collection<UInt8>>(_ bytes: Bytes) {
        guard bytes.count == Self.byteCount else { return nil }
        self = withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { buffer in
            buffer.copyBytes(from: bytes)
            return Digest(loadingFrom: UnsafeRawPointer(buffer.baseAddress!))
        }
    }

    /// - Parameter bytes: 32 readable bytes, of any alignment.
    @inlinable
    public init(loadingFrom bytes: UnsafeRawPointer) {
        self.init(
            word0: bytes.loadUnaligned(as: UInt64.self),
            word1: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            word2: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            word3: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    }

    @usableFromInline
    init(word0: UInt64, word1: UInt64, word2: UInt64, word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// - Parameter bytes: memory for 32 bytes, of any alignment.
    public func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: word0, as: UInt64.self)
        bytes.storeBytes(of: word1, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: word2, toByteOffset: 16, as: UInt64.self)
        bytes.storeBytes(of: word3, toByteOffset: 24, as: UInt64.self)
    }

    /// Calls `body` with the 32 bytes, which are valid only during that.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try Swift.withUnsafeBytes(of: self, body)
    }

    /// The bytes as an array; allocates memory.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension Digest {
    /// The digest of the leaf at `index`: SHA-256 of
    /// `00 ‖ index, 8 bytes big-endian ‖ key length, 8 bytes big-endian ‖ key ‖ value`.
    ///
    /// The length separates key and value; the index ties the entry to its position in the tree. Costs no
    /// allocation.
    public static func leaf(
        index: EntryIndex, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Digest {
        leaf(index: index, keyByteCount: key.count) { update in
            update(key)
            update(value)
        }
    }

    /// Returns the same as `leaf(index:key:value:)` above, of bytes that are passed one piece after the other: an entry
    /// need not be in memory as a whole.
    ///
    /// - Parameters:
    ///   - index: the index of the entry.
    ///   - keyByteCount: the length of the key.
    ///   - pieces: passes the bytes of the key, then those of the value, to the function that it gets.
    @inline(__always)
    public static func leaf(
        index: EntryIndex, keyByteCount: Int, pieces: ((UnsafeRawBufferPointer) -> Void) -> Void
    ) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 17, alignment: 8) { head in
            let start = head.baseAddress!
            start.storeBytes(of: 0x00, as: UInt8.self)
            start.storeBytes(of: index.rawValue.bigEndian, toByteOffset: 1, as: UInt64.self)
            start.storeBytes(of: UInt64(keyByteCount).bigEndian, toByteOffset: 9, as: UInt64.self)
            return SHA256Context.digest { context in
                context.update(UnsafeRawBufferPointer(head))
                pieces { context.update($0) }
            }
        }
    }

    /// Returns the same as `leaf(index:key:value:)` above.
    public static func leaf(index: EntryIndex, key: [UInt8], value: [UInt8]) -> Digest {
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in leaf(index: index, key: key, value: value) }
        }
    }

    /// Returns the same as `leaf(index:key:value:)` above. Collections that are not contiguous in memory are copied
    /// first.
    public static func leaf(
        index: EntryIndex, key: some Collection<UInt8>, value: some Collection<UInt8>
    ) -> Digest {
        withContiguousBytes(of: key) { key in
            withContiguousBytes(of: value) { value in leaf(index: index, key: key, value: value) }
        }
    }

    /// The digest of an inner node: SHA-256 of `01 ‖ left ‖ right`. Costs no allocation: 65 bytes
    /// and the hash's context lie on the stack.
    public static func node(_ left: Digest, _ right: Digest) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            let start = buffer.baseAddress!
            start.storeBytes(of: 0x01, as: UInt8.self)
            left.store(to: start + 1)
            right.store(to: start + 33)
            return SHA256Context.digest { $0.update(UnsafeRawBufferPointer(buffer)) }
        }
    }

    init(hashing bytes: some Collection<UInt8>) {
        self = Self.withContiguousBytes(of: bytes) { bytes in
            SHA256Context.digest { $0.update(bytes) }
        }
    }

    private static func withContiguousBytes<R>(
        of bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> R
    ) -> R {
        bytes.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes(body)
    }
}
