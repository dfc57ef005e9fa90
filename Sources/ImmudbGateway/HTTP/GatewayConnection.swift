import NIOCore
import RPCTransport

/// The connection of a client, shared by its requests.
final class GatewayConnection: Sendable {
    /// The connection of the current task's request.
    @TaskLocal static var current: GatewayConnection?

    let executor: ConnectionExecutor
    /// The client's address, without its port.
    let address: String?
    /// The host as which the client is counted: its address, or its network for IPv6.
    let host: String

    init(_ eventLoop: any EventLoop, from address: SocketAddress?) {
        executor = ConnectionExecutor(eventLoop)
        self.address = address?.ipAddress
        host = clientHost(address)
    }
}
