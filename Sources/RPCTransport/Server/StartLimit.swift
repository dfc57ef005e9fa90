import NIOCore

/// Limits how many requests of a connection run before their answers are known to be small.
///
/// The size of earlier answers predicts how much the recently started calls will add to the unsent bytes. Calls that
/// run for longer than a generation, since they wait for something, must not delay others, and no longer count.
struct StartLimit {
    /// The expected size of an answer before the first one was seen.
    private static let firstAnswerByteCount = 64 << 10
    private static let generationTime = TimeAmount.milliseconds(20)

    /// The moving average of the last answers.
    private var usualAnswerByteCount = StartLimit.firstAnswerByteCount
    /// Running calls that were started in this generation.
    private var youngCount = 0
    private var generation = 0
    private var generationBegan = NIODeadline.now()

    /// Returns whether another call may start, with this many bytes unsent and this limit to them.
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

    /// Stops counting a call: it was answered, or has run for a generation.
    mutating func ended(_ call: ActiveCall) {
        if call.generation == generation { youngCount -= 1 }
        call.generation = nil
    }

    mutating func note(answerByteCount: Int) {
        usualAnswerByteCount += (answerByteCount - usualAnswerByteCount) / 8
    }
}
