import NIOCore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Where a client is.
struct PeerAddress: Sendable, CustomStringConvertible {
    /// What connections are counted by: the address without the port; of IPv6 the first 64 bits.
    let host: String
    let description: String

    /// The same process.
    static let inProcess = PeerAddress("in-process")

    private init(_ name: String) {
        host = name
        description = name
    }

    init(_ address: SocketAddress?) {
        guard let address else {
            host = "unknown"
            description = "unknown"
            return
        }
        guard let host = address.ipAddress, let port = address.port else {
            self.host = address.pathname ?? "unknown"
            description = self.host
            return
        }
        self.host = Self.network(of: host) ?? host
        description = hostAndPort(host, port)
    }

    /// The first 64 bits of an address of IPv6, which is what a customer is given, so that one cannot be
    /// thousands; nil for IPv4, also inside of IPv6.
    private static func network(of host: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, host, &bytes) == 1 else { return nil }
        let isIPv4 = bytes[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        return isIPv4 ? nil : bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":")
    }
}
