import NIOCore

/// Assembles the messages of an answer from the bytes of its DATA frames.
///
/// Holds only bytes that have arrived: it never reserves memory for a length that a prefix promises.
struct AnswerBody {
    /// The reason to give up the answer.
    struct Fault: Error {
        let code: StatusCode
        let text: String
    }

    private var bytes = ByteBuffer()
    /// Whether `bytes` shares its memory with the previous message.
    private var isShared = false
    /// The length of the message that is being received; nil until its prefix is complete.
    private var length: Int?

    /// Whether the next byte begins a message.
    var isBetweenMessages: Bool { length == nil && bytes.readableBytes == 0 }

    mutating func append(_ new: UnsafeRawBufferPointer) {
        if isShared {
            // Less than a frame. Appending to the shared memory would copy the message as well, and keep both.
            bytes = ByteBuffer(bytes: bytes.readableBytesView)
            isShared = false
        }
        bytes.writeBytes(new)
    }

    /// Returns the next complete message, or nil if more of it has yet to arrive.
    ///
    /// - Parameters:
    ///   - limit: the largest message.
    ///   - admit: returns whether there is room for a message of a size.
    mutating func next(
        limit: Int, admit: AnswerAdmission? = nil
    ) throws(Fault) -> ByteBuffer? {
        if length == nil {
            guard bytes.readableBytes >= FramedBytes.prefixByteCount,
                let compressed = bytes.readInteger(as: UInt8.self),
                let count = bytes.readInteger(as: UInt32.self)
            else { return nil }
            guard compressed == 0 else {
                throw Fault(code: .internalError, text: "the server sent a compressed message")
            }
            guard Int(count) <= limit else {
                throw Fault(
                    code: .resourceExhausted,
                    text: "\(RPCError.largeMessage) (\(count) vs. \(limit))")
            }
            guard admit?(Int(count)) ?? true else {
                throw Fault(
                    code: .resourceExhausted,
                    text: "there is no room for an answer of \(count) bytes: try again in a moment")
            }
            length = Int(count)
        }
        guard let length, let message = bytes.readSlice(length: length) else { return nil }
        self.length = nil
        // The message keeps the memory; the bytes after it get their own.
        isShared = bytes.readableBytes > 0
        if !isShared { bytes = ByteBuffer() }
        return length == 0 ? ByteBuffer() : message
    }
}
