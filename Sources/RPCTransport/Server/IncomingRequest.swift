import NIOCore

/// A request whose headers have arrived, and the part of its message that has.
struct IncomingRequest: ~Copyable {
    let method: RPCMethod
    let metadata: Metadata
    let deadline: NIODeadline?
    /// The bytes of the message that have arrived; without its prefix once the prefix is complete.
    private(set) var message = ByteBuffer()
    /// The reservation for the headers and the message.
    private(set) var room: Reservation
    /// The length that the prefix states; nil until the prefix is complete.
    private var messageByteCount: Int?
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

    /// Returns the refusal of a request that ends here; nil if it is complete.
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
}
