import NIOCore

/// Tracks a client's progress: whether HTTP/2 has begun, whether a block of header fields has ended, and whether
/// anything of its calls has moved. Event loop only.
struct ClientProgress {
    private let opened = NIODeadline.now()
    private(set) var hasHandshake = false
    /// The block of header fields for which the client was asked whether it has ended.
    private var askedBlock: (began: NIODeadline, time: NIODeadline)?
    /// Counts everything of a call that arrives or leaves.
    private var moveCount = 0
    private var rest: (moveCount: Int, since: NIODeadline)?

    /// Notes that the client's SETTINGS have arrived.
    mutating func noteHandshake() { hasHandshake = true }

    func lacksHandshake(_ now: NIODeadline, after timeout: Duration) -> Bool {
        !hasHandshake && now - opened > timeout.timeAmount
    }

    /// Notes that something of a call has arrived or left.
    mutating func noteMove() { moveCount += 1 }

    // MARK: blocks of header fields

    enum BlockVerdict {
        /// No block is open, or the block still has time.
        case inTime
        /// The block has taken too long, unless it has ended without a report by nghttp2: the client has to be asked by
        /// a PING.
        case unknown
        case overdue
    }

    /// - Parameters:
    ///   - began: when the open block began.
    ///   - time: how long a block may take, and then the answer to the PING, which cannot arrive inside of
    ///     a block.
    mutating func look(
        atBlockSince began: NIODeadline?, _ now: NIODeadline, _ time: TimeAmount
    ) -> BlockVerdict {
        guard let began, now - began > time else { return .inTime }
        guard let asked = askedBlock, asked.began == began else {
            askedBlock = (began, now)
            return .unknown
        }
        return now - asked.time > time ? .overdue : .inTime
    }

    // MARK: rest

    /// The time since which nothing of any call has arrived or left, to the precision of the ticks.
    var restingSince: NIODeadline? { rest?.since }

    /// Returns whether nothing has moved since the last tick.
    mutating func tick(_ now: NIODeadline) -> Bool {
        if rest?.moveCount == moveCount { return true }
        rest = (moveCount, now)
        return false
    }
}
