import NIOCore

/// How many requests of a connection may run before their answers are known to be small.
///
/// What the calls that were started lately will probably add to what waits to be sent is estimated
/// from the answers before. Calls that run for longer than a generation, waiting for something,
/// must not hold others back, and do not count any more.
struct StartLimit {
    /// What an answer is taken to need before the first one was seen.
    private static let firstAnswerByteCount = 64 << 10
    private static let generationTime = TimeAmount.milliseconds(20)

    /// Moving average over the last answers.
    private var usualAnswerByteCount = StartLimit.firstAnswerByteCount
    /// Calls that were started in this generation and run.
    private var youngCount = 0
    private var generation = 0
    private var generationBegan = NIODeadline.now()

    /// Whether another one may run, with that much to be sent and that limit to it.
    mutating func allowsStart(unsentByteCount: Int, limit: Int) -> Bool {
        if isWithin(limit, unsentByteCount) { return true }
        let now = NIODeadline.now()
        if now - generationBegan < Self.generationTime { return false }
        generation += 1
        generationBegan = now
        youngCount = 0
        return isWithin(limit, unsentByteCount)
    }

    private func isWithin(_ limit: Int, _ unsentByteCount: Int) -> Bool {
        unsentByteCount + youngCount * usualAnswerByteCount <= limit
            || (unsentByteCount == 0 && youngCount == 0)
    }

    mutating func started(_ call: ActiveCall) {
        call.generation = generation
        youngCount += 1
    }

    /// It was answered, or does not count any more.
    mutating func ended(_ call: ActiveCall) {
        if call.generation == generation { youngCount -= 1 }
        call.generation = nil
    }

    mutating func note(answerByteCount: Int) {
        usualAnswerByteCount += (answerByteCount - usualAnswerByteCount) / 8
    }
}

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

/// What a connection may do often, but not all the time.
struct RateLimit {
    private let burst: Int
    private let perSecond: Int
    private var left: Int
    private var lastRefill = NIODeadline.now()

    init(burst: Int, perSecond: Int) {
        self.burst = burst
        self.perSecond = perSecond
        left = burst
    }

    /// False when it was done too often.
    mutating func take() -> Bool {
        if left <= 0 {
            let now = NIODeadline.now()
            let milliseconds = (now - lastRefill).nanoseconds / 1_000_000
            let more = min(Int64(burst), milliseconds.multipliedSaturated(by: perSecond) / 1_000)
            guard more > 0 else { return false }
            left = Int(more)
            lastRefill = now
        }
        left -= 1
        return true
    }
}

extension Int64 {
    fileprivate func multipliedSaturated(by other: Int) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: Int64(other))
        return overflow ? .max : product
    }
}
