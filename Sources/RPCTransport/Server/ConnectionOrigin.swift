import Synchronization

/// What a call knows of the connection that it came by.
final class ConnectionOrigin: Sendable {
    let peer: PeerAddress
    var peerAddress: String { peer.description }
    let mailbox: LoopMailbox
    let account: ConnectionAccount
    /// Its turn in the queues of the workers.
    let lane: Int
    private let certificate = Mutex<PeerCertificate?>(nil)

    init(peer: PeerAddress, mailbox: LoopMailbox, account: ConnectionAccount, lane: Int) {
        self.peer = peer
        self.mailbox = mailbox
        self.account = account
        self.lane = lane
    }

    /// The client's; nil if it has shown none.
    var peerCertificate: PeerCertificate? { certificate.withLock { $0 } }

    /// Before the connection has calls: the handshake is over.
    func set(peerCertificate: PeerCertificate?) { certificate.withLock { $0 = peerCertificate } }
}
