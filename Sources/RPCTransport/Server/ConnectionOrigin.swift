/// What a call knows of the connection that it came by.
final class ConnectionOrigin: Sendable {
    let peer: PeerAddress
    var peerAddress: String { peer.description }
    let mailbox: LoopMailbox
    let account: ConnectionAccount
    /// Its turn in the queues of the workers.
    let lane: Int

    init(peer: PeerAddress, mailbox: LoopMailbox, account: ConnectionAccount, lane: Int) {
        self.peer = peer
        self.mailbox = mailbox
        self.account = account
        self.lane = lane
    }
}
