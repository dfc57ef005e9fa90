import NIOCore

/// A request whose headers have arrived, and the part of its message that has.
struct IncomingRequest: ~Copyable {
    let method: RPCMethod
    let metadata: Metadata
    let deadline: NIODeadline?
    /// The bytes of the message that have arrived, without its prefix.
    private(set) var message = ReceivedBytes()
    /// The reservation for the headers and the message.
    private(set) var room: Reservation
    private var prefix = Prefix()
    /// The bytes that had arrived when progress was last noted, and that time.
    private var mark: (byteCount: Int, time: NIODeadline)?

    init(_ headers: RequestHeaders, _ method: RPCMethod, room: consuming Reservation) {
        self.method = method
        metadata = headers.metadata
        deadline = headers.deadline
        self.room = room
    }

    /// Appends bytes of the message. Returns the refusal if they are invalid, else nil.
    mutating func append(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Answer? {
        guard room.growRequest(by: bytes.count) else {
            return .noRoomForRequests
        }
        let isInMessage = prefix.isComplete
        let rest = prefix.read(bytes)
        guard prefix.isComplete else { return nil }
        if !isInMessage {
            if prefix.isCompressed { return .compressedMessage }
            if prefix.messageByteCount > limit {
                return .messageTooLarge(prefix.messageByteCount, limit: limit)
            }
        }
        message.append(rest, of: prefix.messageByteCount)
        if message.count > prefix.messageByteCount {
            return Answer(
                code: .internalError,
                text: "cardinality violation: received multiple request messages"
                    + " for a method that takes one")
        }
        return nil
    }

    /// Returns the refusal of a request that ends here; nil if it is complete.
    func refusalAtEnd() -> Answer? {
        guard prefix.isComplete else {
            return Answer(
                code: .internalError,
                text: prefix.isEmpty
                    ? "cardinality violation: received no request message"
                        + " for a method that takes one"
                    : "the request ends within a message's prefix")
        }
        guard message.count == prefix.messageByteCount else {
            return Answer(
                code: .internalError,
                text: "the request ends after \(message.count) of \(prefix.messageByteCount) bytes"
            )
        }
        return nil
    }

    /// Notes how much has arrived. Returns whether it was less than `byteCount` within `time`.
    mutating func noteProgress(_ now: NIODeadline, _ byteCount: Int, _ time: TimeAmount) -> Bool {
        guard let mark else {
            self.mark = (room.byteCount, now)
            return false
        }
        if room.byteCount - mark.byteCount >= byteCount {
            self.mark = (room.byteCount, now)
            return false
        }
        return now - mark.time > time
    }

    /// The prefix of the message (gRPC over HTTP/2, Length-Prefixed-Message), as far as it has arrived.
    private struct Prefix {
        private var bytes: UInt64 = 0
        private var byteCount = 0

        var isEmpty: Bool { byteCount == 0 }
        var isComplete: Bool { byteCount == FramedBytes.prefixByteCount }
        var isCompressed: Bool { bytes >> 32 != 0 }
        var messageByteCount: Int { Int(UInt32(truncatingIfNeeded: bytes)) }

        /// Reads the missing part of the prefix; returns the bytes after it.
        mutating func read(_ received: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            let count = min(FramedBytes.prefixByteCount - byteCount, received.count)
            for offset in 0..<count { bytes = bytes << 8 | UInt64(received[offset]) }
            byteCount += count
            return UnsafeRawBufferPointer(rebasing: received[count..<received.count])
        }
    }
}
