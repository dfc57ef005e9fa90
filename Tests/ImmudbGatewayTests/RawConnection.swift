import Foundation
import NIOCore
import NIOPosix

/// A connection on which a test sends any bytes.
final class RawConnection: Sendable {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    init(port: Int) async throws {
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    /// Sends pieces, with a pause after each, and returns everything that comes until the gateway closes the
    /// connection or nothing has come for some seconds.
    static func exchange(
        port: Int, _ pieces: [String], pause: Duration = .zero, patience: Duration = .seconds(10)
    ) async throws -> (text: String, isClosed: Bool) {
        let connection = try await RawConnection(port: port)
        return try await connection.channel.executeThenClose { inbound, outbound in
            let sending = Task {
                for piece in pieces {
                    try await outbound.write(ByteBuffer(string: piece))
                    try await Task.sleep(for: pause)
                }
            }
            let channel = connection.channel.channel
            let alarm = Task {
                try await Task.sleep(for: patience)
                channel.close(promise: nil)
                return true
            }
            var text = ""
            do {
                for try await part in inbound { text += String(buffer: part) }
            } catch is IOError {
                // It was reset: closed, too.
            }
            alarm.cancel()
            sending.cancel()
            let isOverdue = (try? await alarm.value) ?? false
            return (text, !isOverdue)
        }
    }
}
