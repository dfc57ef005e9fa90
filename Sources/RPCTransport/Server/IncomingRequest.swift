import NIOCore

/// A request whose headers have arrived, and as much of its message as has.
struct IncomingRequest: ~Copyable {
    let method: RPCMethod
    let metadata: Metadata
    let deadline: NIODeadline?
    /// What has arrived of the message; without its prefix once that is complete.
    private(set) var message = ByteBuffer()
    /// For the headers and the message.
    private(set) var room: Reservation
    /// From the prefix.
    private var messageByteCount: Int?
    /// What had arrived when its progress was looked at last.
    private var mark: (byteCount: Int, time: NIODeadline)?

    init(_ headers: RequestHeaders, _ method: RPCMethod, room: consuming Reservation) {
        self.method = method
        metadata = headers.metadata
        deadline = headers.deadline
        self.room = room
    }

    /// Appends bytes of the message. Returns what is wrong with it, or nil.
    mutating func append(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Answer? {
        guard room.growRequest(by: bytes.count) else {
            return .noRoomForRequests
        }
        message.writeBytes(bytes)
        if messageByteCount == nil, let refusal = readPrefix(limit: limit) { return refusal }
        if let messageByteCount, message.readableBytes > messageByteCount {
            return Answer(
                code: .internalError,
                text: "cardinality violation: received multiple request messages"
                    + " for a method that takes one")
        }
        return nil
    }

    private mutating func readPrefix(limit: Int) -> Answer? {
        guard message.readableBytes >= FramedBytes.prefixByteCount,
            let compressed = message.readInteger(as: UInt8.self),
            let length = message.readInteger(as: UInt32.self)
        else { return nil }
        messageByteCount = Int(length)
        if compressed != 0 { return .compressedMessage }
        return Int(length) > limit ? .messageTooLarge(Int(length), limit: limit) : nil
    }

    /// What is wrong with a request that ends here; nil if it is complete.
    func refusalAtEnd() -> Answer? {
        guard let messageByteCount else {
            return Answer(
                code: .internalError,
                text: message.readableBytes == 0
                    ? "cardinality violation: received no request message"
                        + " for a method that takes one"
                    : "the request ends within a message's prefix")
        }
        guard message.readableBytes == messageByteCount else {
            return Answer(
                code: .internalError,
                text: "the request ends after \(message.readableBytes) of \(messageByteCount) bytes"
            )
        }
        return nil
    }

    /// Notes how much has arrived. Returns whether it was less than `byteCount` in a span of `time`.
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
}
