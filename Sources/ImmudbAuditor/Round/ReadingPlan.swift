import Foundation

/// How far an auditor has read: passes over all entries, each of which takes the period, however often the auditor is
/// stopped meanwhile. Pure.
struct ReadingPlan: Hashable, Codable, Sendable {
    /// When the pass that runs began.
    private(set) var start: Date
    /// The first entry that the pass has not read.
    private(set) var position: UInt64 = 0
    /// When the last whole pass ended.
    private(set) var lastEnd: Date?
    /// Passes that were whole.
    private(set) var passCount = 0

    init(start: Date) { self.start = start }

    /// Returns the entry up to which the pass should have read at a time.
    ///
    /// - Parameters:
    ///   - size: entries of the trusted tree.
    ///   - period: how long a pass takes; zero: everything is due at once.
    mutating func due(at now: Date, of size: UInt64, period: TimeInterval) -> UInt64 {
        // A clock that was set back must not stop the reading for years.
        if now < start { start = now }
        guard period > 0 else { return size }
        let share = now.timeIntervalSince(start) / period
        return share >= 1 ? size : min(size, UInt64((Double(size) * share).rounded(.down)))
    }

    /// Notes that all entries before `end` were read.
    mutating func advance(to end: UInt64) { position = max(position, end) }

    /// Begins the next pass, if this one has read all entries and its time is over.
    mutating func finish(at now: Date, of size: UInt64, period: TimeInterval) {
        guard position >= size, now.timeIntervalSince(start) >= period else { return }
        passCount &+= 1
        lastEnd = now
        start = now
        position = 0
    }

    /// Seconds since the pass before the last whole one ended at the latest: no entry that was there then has waited
    /// longer.
    func age(at now: Date) -> TimeInterval { max(0, now.timeIntervalSince(start)) }
}
