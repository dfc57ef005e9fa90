import Synchronization

/// The facts about a connection that its calls share.
final class ConnectionOrigin: Sendable {
    let peer: PeerAddress
    var peerAddress: String { peer.description }
    let mailbox: LoopMailbox
    let account: ConnectionAccount
    /// The connection's queue for the workers.
    let lane: Int
    private let certificate = Mutex<PeerCertificate?>(nil)

    init(peer: PeerAddress, mailbox: LoopMailbox, account: ConnectionAccount, lane: Int) {
        self.peer = peer
        self.mailbox = mailbox
        self.account = account
        self.lane = lane
    }

    /// The client's certificate; nil if it has sent none.
    var peerCertificate: PeerCertificate? { certificate.withLock { $0 } }

    /// Sets the certificate after the handshake, before the connection has calls.
    func set(peerCertificate: PeerCertificate?) { certificate.withLock { $0 = peerCertificate } }
}
