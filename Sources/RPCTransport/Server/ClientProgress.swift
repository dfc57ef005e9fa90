import NIOCore

/// What has come of a client and what has not: the beginning of HTTP/2, the rest of a block of header
/// fields, and anything of its calls. Event loop only.
struct ClientProgress {
    private let opened = NIODeadline.now()
    private(set) var hasHandshake = false
    /// The block of header fields that has begun and not ended.
    private var openBlock: (stream: Int32, began: NIODeadline)?
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

    mutating func beganBlock(stream: Int32, _ now: NIODeadline) {
        openBlock = (stream, now)
        noteMove()
    }

    mutating func endedBlock() { openBlock = nil }

    mutating func closedStream(_ stream: Int32) {
        if openBlock?.stream == stream { openBlock = nil }
        noteMove()
    }

    /// Whether a block of header fields began before that, and has not ended.
    func hasOpenBlock(since time: NIODeadline) -> Bool {
        openBlock.map { $0.began < time } ?? false
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
