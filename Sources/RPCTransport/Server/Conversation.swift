import NIOCore

/// The part of a conversation that the client has sent and that is not answered: questions, each with its prefix.
/// Event loop only.
final class Conversation {
    /// The number of bytes by which a client may be ahead of its answers. A client that waits for each answer has one
    /// question in flight.
    private static let maxHeldByteCount = 64 << 10

    enum Next {
        case question(ByteBuffer)
        /// No question is complete.
        case none
        case refusal(Answer)
    }

    private var received = ByteBuffer()
    private var room: Reservation
    /// The number of questions that were taken out.
    private var questionCount = 0
    /// The value of `questionCount` and the time when something was first held since then.
    private var mark: (questionCount: Int, time: NIODeadline)?
    /// Whether the conversation is in the queue of calls that wait for their turn.
    var isWaiting = false

    init(of account: ConnectionAccount) { room = Reservation(.requests, of: account) }

    /// Whether a question is complete, or known to be invalid.
    private(set) var hasNext = false

    var isEmpty: Bool { received.readableBytes == 0 }

    /// Appends received bytes. Returns the refusal if they are invalid, else nil.
    func append(_ bytes: UnsafeRawBufferPointer) -> Answer? {
        guard received.readableBytes + bytes.count <= Self.maxHeldByteCount else {
            return Answer(
                code: .resourceExhausted,
                text:
                    "more than \(Self.maxHeldByteCount) bytes of questions wait for their answers to be read"
            )
        }
        guard room.growRequest(by: bytes.count) else { return .noRoomForRequests }
        received.discardReadBytes()
        received.writeBytes(bytes)
        lookForNext()
        return nil
    }

    /// Takes the next question out.
    func next() -> Next {
        guard let prefix = Prefix(received) else { return .none }
        if let refusal = prefix.refusal { return .refusal(refusal) }
        guard received.readableBytes >= prefix.endOffset else { return .none }
        received.moveReaderIndex(forwardBy: FramedBytes.prefixByteCount)
        guard let question = received.readSlice(length: prefix.byteCount) else { return .none }
        questionCount += 1
        room.set(to: received.readableBytes)
        lookForNext()
        return .question(question)
    }

    private func lookForNext() {
        guard let prefix = Prefix(received) else {
            hasNext = false
            return
        }
        hasNext = prefix.refusal != nil || received.readableBytes >= prefix.endOffset
    }

    /// Returns whether something was held for longer than `time` without an answer: a part of a question, or questions
    /// whose answers are not read.
    func noteProgress(_ now: NIODeadline, _ time: TimeAmount) -> Bool {
        guard !isEmpty, let mark, mark.questionCount == questionCount else {
            mark = isEmpty ? nil : (questionCount, now)
            return false
        }
        return now - mark.time > time
    }

    /// The prefix of a message (gRPC over HTTP/2, Length-Prefixed-Message).
    private struct Prefix {
        let isCompressed: Bool
        let byteCount: Int

        init?(_ bytes: ByteBuffer) {
            guard
                let compressed = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self),
                let length = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self)
            else { return nil }
            isCompressed = compressed != 0
            byteCount = Int(length)
        }

        var endOffset: Int { FramedBytes.prefixByteCount + byteCount }

        var refusal: Answer? {
            if isCompressed { return .compressedMessage }
            return byteCount > RPCMethod.maxQuestionByteCount
                ? .messageTooLarge(byteCount, limit: RPCMethod.maxQuestionByteCount) : nil
        }
    }
}
