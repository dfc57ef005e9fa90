/// What a call knows of the connection that it came by.
final class ConnectionOrigin: Sendable {
    let peerAddress: String
    let mailbox: LoopMailbox
    let account: ConnectionAccount
    /// Its turn in the queues of the workers.
    let lane: Int

    init(peerAddress: String, mailbox: LoopMailbox, account: ConnectionAccount, lane: Int) {
        self.peerAddress = peerAddress
        self.mailbox = mailbox
        self.account = account
        self.lane = lane
    }
}
