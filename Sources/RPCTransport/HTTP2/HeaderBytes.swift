#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Compares header bytes with known text by memcmp, since every header of every call is compared.
extension UnsafeBufferPointer<UInt8> {
    func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && begins(text)
    }

    func begins(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let baseAddress else { return false }
        return memcmp(baseAddress, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    func equals(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard let mine = baseAddress, let its = other.baseAddress else { return true }
        return memcmp(mine, its, count) == 0
    }
}
