package import NIOCore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The address of a client.
struct PeerAddress: Sendable, CustomStringConvertible {
    /// The key by which connections are counted: the address without the port; for IPv6 its network,
    /// `2001:db8:1:2::/64`.
    let host: String
    let description: String
    /// Whether the client is on this machine: on the loopback network, or in the same process.
    let isLocal: Bool

    /// The address of clients in the same process.
    static let inProcess = PeerAddress("in-process", isLocal: true)
    /// The address of clients in the same process that call for others, who are anywhere.
    static let inProcessForOthers = PeerAddress("in-process", isLocal: false)

    private init(_ name: String, isLocal: Bool) {
        host = name
        description = name
        self.isLocal = isLocal
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

    /// Returns true for 127.0.0.0/8, including IPv4-mapped addresses, and for ::1.
    private static func isLoopback(_ host: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &bytes) == 1 { return bytes[0] == 127 }
        guard inet_pton(AF_INET6, host, &bytes) == 1 else { return false }
        return isIPv4(bytes)
            ? bytes[12] == 127 : bytes.elementsEqual(Array(repeating: 0, count: 15) + [1])
    }

    /// Returns whether an IPv6 address is IPv4-mapped.
    private static func isIPv4(_ bytes: [UInt8]) -> Bool {
        bytes[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
    }

    /// Returns the network of an IPv6 address, its first 64 bits. Providers assign that many bits to a customer, so
    /// one customer does not count as thousands. Returns nil for IPv4, including IPv4-mapped addresses, and for this
    /// machine.
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

/// Returns the key by which clients are counted: the address without the port; for IPv6 its network.
package func clientHost(_ address: SocketAddress?) -> String { PeerAddress(address).host }
