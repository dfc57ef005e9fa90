/// Keeps work at a rate: tells how long to rest after each piece of it. A pure value, without a clock of its own.
public struct Pace: Sendable {
    /// At most so much of a rest that was not needed is made up for later.
    private static let burst = Duration.milliseconds(250)

    private let bytesPerSecond: Double
    private var free: Duration?

    /// - Precondition: the rate is positive.
    public init(bytesPerSecond: Int) {
        precondition(bytesPerSecond > 0)
        self.bytesPerSecond = Double(bytesPerSecond)
    }

    /// Counts work that is done.
    ///
    /// - Parameter now: the time since any fixed moment.
    /// - Returns: how long to rest.
    public mutating func rest(after byteCount: Int, now: Duration) -> Duration {
        let start = max(free ?? now, now - Self.burst)
        let end = start + .seconds(Double(byteCount) / bytesPerSecond)
        free = end
        return max(.zero, end - now)
    }
}
