import NIOCore
import RPCTransport

/// The connection of a client: what its requests have in common.
final class GatewayConnection: Sendable {
    /// The connection whose request is answered.
    @TaskLocal static var current: GatewayConnection?

    let executor: ConnectionExecutor
    /// The client's address, without its port.
    let address: String?
    /// By what the client is counted: its address, for IPv6 its network.
    let host: String

    init(_ eventLoop: any EventLoop, from address: SocketAddress?) {
        executor = ConnectionExecutor(eventLoop)
        self.address = address?.ipAddress
        host = clientHost(address)
    }
}
