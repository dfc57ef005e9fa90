#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The subject of a certificate: the name of a host, or an address.
enum HostName {
    private static let longest = 253

    /// Whether a host can be named in a certificate and in the name of a file.
    static func isValid(_ host: String) -> Bool {
        if addressBytes(host) != nil { return true }
        guard host.utf8.count <= longest else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        }
    }

    /// Returns the bytes of an address, or nil for a name.
    static func addressBytes(_ host: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, host, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
