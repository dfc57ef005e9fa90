/// Limits failed attempts for each name or address: a burst at once, then one in each interval.
///
/// Times are in nanoseconds of any clock. Holds only the names or addresses of recent failures.
/// Attempts run one after the other, and each takes the time of a hash, so that is a few hundred at
/// most.
struct AttemptLimit: Sendable {
    private let interval: UInt64
    private let burst: UInt64
    /// The times at which a whole burst is available again.
    private var fullAt: [[UInt8]: UInt64] = [:]

    init(burst: UInt64, interval: Duration) {
        let (seconds, attoseconds) = interval.components
        self.interval = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        self.burst = burst
    }

    var count: Int { fullAt.count }

    /// Returns the earliest time of the next attempt.
    func allowedAt(_ one: [UInt8], now: UInt64) -> UInt64 {
        guard let full = fullAt[one] else { return now }
        let spare = (burst - 1) * interval
        return full > now + spare ? full - spare : now
    }

    /// Counts an attempt. `giveBack` uncounts it.
    mutating func take(_ one: [UInt8], now: UInt64) {
        if fullAt.count >= 64 { fullAt = fullAt.filter { $0.value > now } }
        fullAt[one] = max(fullAt[one] ?? 0, now) + interval
    }

    /// Uncounts an attempt that did not fail.
    mutating func giveBack(_ one: [UInt8]) {
        guard let full = fullAt[one] else { return }
        fullAt[one] = full - interval
    }
}
