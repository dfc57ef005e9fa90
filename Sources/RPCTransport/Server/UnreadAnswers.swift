import NIOCore

/// What a connection knows of answers that its client has not read.
struct UnreadAnswers: ~Copyable {
    /// Reading less than this, or than a 64th of what there is to read, is reading nothing.
    private static let progressByteCount = 4 << 10

    /// What is counted of it.
    var room: Reservation
    /// Bytes of answers that were framed, ever.
    var framedByteCount = 0
    /// Since when there is something to read, and little was read; nil when there is nothing.
    private(set) var silentSince: NIODeadline?
    /// Bytes that had left by then.
    private var leftByteCount = 0

    init(_ account: ConnectionAccount) { room = Reservation(.answers, of: account) }

    /// Counts what is left when nothing more can be sent: bytes that are not framed yet, and those that
    /// wait for the socket.
    mutating func count(unsent: Int, queued: Int) {
        let left = unsent + queued
        guard left > 0 || room.byteCount > 0 else { return }
        room.set(to: left)
        let gone = framedByteCount - queued
        if left == 0 {
            silentSince = nil
        } else if silentSince == nil
            || gone - leftByteCount >= max(Self.progressByteCount, left / 64)
        {
            silentSince = .now()
            leftByteCount = gone
        }
    }
}
