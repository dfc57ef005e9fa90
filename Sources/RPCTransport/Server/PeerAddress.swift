import NIOCore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Where a client is.
struct PeerAddress: Sendable, CustomStringConvertible {
    /// What clients are counted by: the address without the port; of IPv6 its network, `2001:db8:1:2::/64`.
    let host: String
    let description: String
    /// Whether it is this machine: of the loopback network, or the same process.
    let isLocal: Bool

    /// The same process.
    static let inProcess = PeerAddress("in-process")

    private init(_ name: String) {
        host = name
        description = name
        isLocal = true
    }

    init(_ address: SocketAddress?) {
        guard let address else {
            host = "unknown"
            description = "unknown"
            isLocal = false
            return
        }
        guard let host = address.ipAddress, let port = address.port else {
            self.host = address.pathname ?? "unknown"
            description = self.host
            isLocal = false
            return
        }
        self.host = Self.network(of: host) ?? host
        description = hostAndPort(host, port)
        isLocal = Self.isLoopback(host)
    }

    /// 127.0.0.0/8, also inside of IPv6, and ::1.
    private static func isLoopback(_ host: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &bytes) == 1 { return bytes[0] == 127 }
        guard inet_pton(AF_INET6, host, &bytes) == 1 else { return false }
        return isIPv4(bytes)
            ? bytes[12] == 127 : bytes.elementsEqual(Array(repeating: 0, count: 15) + [1])
    }

    /// Whether an address of IPv6 is one of IPv4.
    private static func isIPv4(_ bytes: [UInt8]) -> Bool {
        bytes[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
    }

    /// The first 64 bits of an address of IPv6, which is what a customer is given, so that one cannot be
    /// thousands; nil for IPv4, also inside of IPv6, and for this machine.
    private static func network(of host: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, host, &bytes) == 1, !isIPv4(bytes), !isLoopback(host) else {
            return nil
        }
        for position in 8..<16 { bytes[position] = 0 }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            + "/64"
    }
}
