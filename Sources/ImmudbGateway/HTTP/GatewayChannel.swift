import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import RPCTransport

/// HTTP/1.1, over TLS if there is a certificate. A new connection uses the current certificate, while HummingbirdTLS'
/// channel always uses the one read at the start. The task of a connection runs on its event loop.
struct GatewayChannel: ServerChildChannel {
    let http: HTTP1Channel
    let tls: ServerTLS?

    func setup(
        channel: any Channel, logger: Logger
    ) -> EventLoopFuture<HTTP1Channel.Value> {
        guard let tls else { return http.setup(channel: channel, logger: logger) }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(context: tls.context))
        }.flatMap { http.setup(channel: channel, logger: logger) }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        let channel = value.channel
        let connection = GatewayConnection(channel.eventLoop, from: channel.remoteAddress)
        await GatewayConnection.$current.withValue(connection) {
            await withTaskExecutorPreference(connection.executor) {
                await http.handle(value: value, logger: logger)
            }
        }
    }
}
