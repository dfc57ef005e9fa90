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
