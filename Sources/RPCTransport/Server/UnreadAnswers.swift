import NIOCore

/// Tracks the answers that the client of a connection has not read.
struct UnreadAnswers: ~Copyable {
    /// Reading less than this, or less than a 64th of the unread bytes, does not count as reading.
    private static let progressByteCount = 4 << 10

    /// The unread bytes that are counted.
    var room: Reservation
    /// Bytes of all answers that were ever framed.
    var framedByteCount = 0
    /// The time since which there was something to read, but little was read; nil if there is
    /// nothing to read.
    private(set) var silentSince: NIODeadline?
    /// The number of bytes that had been sent by then.
    private var leftByteCount = 0

    init(_ account: ConnectionAccount) { room = Reservation(.answers, of: account) }

    /// Counts the unread bytes after everything was sent that can be: bytes that are not framed yet, and those that
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
