import Synchronization

/// Tells the owner of a server of handshakes that failed: ten at once, then one a second. What is not told is
/// counted.
final class HandshakeReports: Sendable {
    private struct State {
        var limit = RateLimit(burst: 10, perSecond: 1)
        var untoldCount = 0
    }

    private let state = Mutex(State())
    private let report: (@Sendable (RPCServer.FailedHandshake) -> Void)?

    init(_ report: (@Sendable (RPCServer.FailedHandshake) -> Void)?) { self.report = report }

    /// - Parameter reason: made only if it is told.
    func note(_ peerAddress: String, _ reason: () -> String) {
        guard let report else { return }
        let untold = state.withLock { state -> Int? in
            guard state.limit.take() else {
                state.untoldCount += 1
                return nil
            }
            defer { state.untoldCount = 0 }
            return state.untoldCount
        }
        guard let untold else { return }
        report(.init(peerAddress: peerAddress, reason: reason(), untoldCount: untold))
    }
}

extension RPCServer {
    /// A client that was not let in, since there is no TLS with it.
    public struct FailedHandshake: Sendable {
        /// The client's address and port.
        public let peerAddress: String
        public let reason: String
        /// Others that failed since the last one that was told.
        public let untoldCount: Int
    }
}
