import Hummingbird
import NIOCore
import RPCTransport

/// The connection of a request.
struct GatewayContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }

    /// The client's address, without its port.
    var address: String? { channel.remoteAddress?.ipAddress }

    /// By what the client is counted: its address, for IPv6 its network.
    var host: String { clientHost(channel.remoteAddress) }

    /// Calls `body` when the client goes before its answer has ended.
    func watch(_ body: @escaping @Sendable () -> Void) async {
        let watching = channel.eventLoop.submit { [channel] in
            try channel.pipeline.syncOperations.handler(type: RequestPace.self).watch(body)
        }
        do { try await watching.get() } catch { body() }
    }
}
