import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import RPCTransport

/// HTTP/1.1 over TLS, with the certificate that is in its file when a connection begins: HummingbirdTLS' channel has the
/// one of the start.
struct GatewayTLSChannel: ServerChildChannel {
    let http: HTTP1Channel
    let tls: ServerTLS

    func setup(
        channel: any Channel, logger: Logger
    ) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(context: tls.context))
        }.flatMap { http.setup(channel: channel, logger: logger) }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}
