import NIOCore

/// How far a client is: the beginning of HTTP/2, the rest of a block of header
/// fields, and anything of its calls. Event loop only.
struct ClientProgress {
    private let opened = NIODeadline.now()
    private(set) var hasHandshake = false
    /// The block of header fields for which the client was asked whether it has ended.
    private var askedBlock: (began: NIODeadline, time: NIODeadline)?
    /// Grows with all that arrives or leaves of calls.
    private var moveCount = 0
    private var rest: (moveCount: Int, since: NIODeadline)?

    /// The client's SETTINGS have come.
    mutating func noteHandshake() { hasHandshake = true }

    func lacksHandshake(_ now: NIODeadline, after timeout: Duration) -> Bool {
        !hasHandshake && now - opened > timeout.timeAmount
    }

    /// Something of a call has arrived or left.
    mutating func noteMove() { moveCount += 1 }

    // MARK: blocks of header fields

    enum BlockVerdict {
        /// None is open, or it has time.
        case inTime
        /// It has taken too long, unless it has ended without nghttp2 telling: the client has to be asked
        /// by a PING.
        case unknown
        case overdue
    }

    /// - Parameters:
    ///   - began: of the block that is open.
    ///   - time: what a block may take, and then the answer to the PING, which cannot come inside of a
    ///     block.
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

    /// Since when nothing has arrived or left of calls, as the ticks saw it.
    var restingSince: NIODeadline? { rest?.since }

    /// Returns whether nothing has moved since the last tick.
    mutating func tick(_ now: NIODeadline) -> Bool {
        if rest?.moveCount == moveCount { return true }
        rest = (moveCount, now)
        return false
    }
}
