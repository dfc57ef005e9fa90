import Hummingbird
import NIOCore

/// The origin of a request.
struct GatewayContext: InitializableFromSource {
    let channel: any Channel
    let connection: GatewayConnection

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
        connection =
            GatewayConnection.current
            ?? GatewayConnection(channel.eventLoop, from: channel.remoteAddress)
    }

    /// Calls `body` if the client disconnects before its answer has ended.
    func watch(_ body: @escaping @Sendable () -> Void) async {
        let watching = channel.eventLoop.submit { [channel] in
            try channel.pipeline.syncOperations.handler(type: RequestPace.self).watch(body)
        }
        do { try await watching.get() } catch { body() }
    }
}
