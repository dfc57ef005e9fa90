import Logging
import POSIX
import RPCTransport

// Logs the transport's reports about clients.

extension RPCServer.Configuration {
    mutating func report(to log: Logger) {
        shortage = { shortage in
            log.warning(
                "\(shortage.text)",
                metadata: shortage.peerAddress.map { Logger.Metadata(client: $0) })
        }
        let tls = log.of(.tls)
        failedHandshake = { handshake in
            tls.warning(
                "\(handshake.text)", metadata: Logger.Metadata(client: handshake.peerAddress))
        }
    }
}

extension RPCServer.Shortage {
    fileprivate var text: String {
        switch self {
        case .didNotRead(let closed):
            "closed \(counted(closed.connectionCount, "connection")), such as \(closed.peerAddress), that "
                + "left \(closed.byteCount) bytes of their answers unread while the server was short of "
                + "room for answers"
        case .sentTooSlowly(let closed):
            "closed \(counted(closed.connectionCount, "connection")), such as \(closed.peerAddress), that "
                + "kept \(closed.byteCount) bytes of unfinished requests waiting while the server was "
                + "short of room for requests"
        case .refused(let count):
            "refused \(counted(count, "connection")): there are as many as this server allows, or as it "
                + "allows from one address"
        case .cannotAccept(let reason):
            "cannot accept connections: \(reason); clients wait until that has passed"
        }
    }

    /// The address of one of the closed clients.
    fileprivate var peerAddress: String? {
        switch self {
        case .didNotRead(let closed), .sentTooSlowly(let closed): closed.peerAddress
        case .refused, .cannotAccept: nil
        }
    }
}

extension RPCServer.FailedHandshake {
    fileprivate var text: String {
        let more =
            untoldCount == 0
            ? "" : " (and \(counted(untoldCount, "other")) since the last such line)"
        return "no TLS with \(peerAddress): \(reason)\(more)"
    }
}
