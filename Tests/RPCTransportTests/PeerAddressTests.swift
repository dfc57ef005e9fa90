import NIOCore
import Testing

@testable import RPCTransport

@Suite("The address of a client")
struct PeerAddressTests {
    @Test(
        "is local on the loopback network of IPv4 and IPv6, and nowhere else",
        arguments: [
            ("127.0.0.1", true), ("127.3.2.1", true), ("::1", true), ("::ffff:127.0.0.1", true),
            ("128.0.0.1", false), ("10.0.0.1", false), ("0.0.0.0", false), ("::", false),
            ("::2", false), ("::ffff:10.0.0.1", false), ("::127.0.0.1", false), ("1::1", false),
            ("fe80::1", false),
        ])
    func isLocal(host: String, isLocal: Bool) throws {
        let address = try SocketAddress(ipAddress: host, port: 4_711)
        #expect(PeerAddress(address).isLocal == isLocal)
    }

    @Test(
        "counts clients by address; those of IPv6 by network, of which one client has all addresses",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("::1", "::1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"), ("fe80::1", "fe80::/64"), ("::2", "::/64"),
        ])
    func host(address: String, host: String) throws {
        #expect(PeerAddress(try SocketAddress(ipAddress: address, port: 4_711)).host == host)
    }

    @Test(
        "is local in the same process unless the client calls for others, and not without an address"
    )
    func others() {
        #expect(PeerAddress.inProcess.isLocal)
        #expect(!PeerAddress.inProcessForOthers.isLocal)
        #expect(!PeerAddress(nil).isLocal)
    }
}
