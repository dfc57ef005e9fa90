#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// Whether all bytes are zero; at the speed of memory.
    public var isZero: Bool {
        guard count > 0, let base = baseAddress else { return true }
        // Each byte equals the one before, and the first is zero.
        return self[0] == 0 && memcmp(base, base + 1, count - 1) == 0
    }

    /// The first offset of a byte at `start` or later; at the speed of memory.
    public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        return memchr(base + start, Int32(byte), count - start).map { UnsafeRawPointer($0) - base }
    }
}
