import Synchronization

/// Reports failed handshakes to the owner of a server: ten at once, then one a second. The others are counted.
final class HandshakeReports: Sendable {
    private struct State {
        var limit = RateLimit(burst: 10, perSecond: 1)
        var untoldCount = 0
    }

    private let state = Mutex(State())
    private let report: (@Sendable (RPCServer.FailedHandshake) -> Void)?

    init(_ report: (@Sendable (RPCServer.FailedHandshake) -> Void)?) { self.report = report }

    /// - Parameter reason: called only for a failure that is reported.
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
    /// A client that was refused because its TLS handshake failed.
    public struct FailedHandshake: Sendable {
        /// The client's address and port.
        public let peerAddress: String
        public let reason: String
        /// The number of unreported failures since the last report.
        public let untoldCount: Int
    }
}
