import MerkleTree

/// How fast the self-check goes: as fast as it was told or, by itself, as fast as is needed to be through all entries
/// in a week, within a small share of a processor.
struct CheckPace: Sendable {
    /// By itself: all entries within six days, which leaves the seventh to restarts and to pauses of the machine.
    private static let roundSeconds = 6.0 * 24 * 3600
    /// By itself, at least this many entries a second: a small database is through within hours.
    private static let leastEntriesPerSecond = 100.0
    /// By itself, the thread sleeps this many times as long as it computes: it takes at most 1/60 of a processor.
    private static let restPerWork = 59
    /// The least time of a round, so that a small database is not checked all the time.
    private static let leastRound = (byItself: Duration.seconds(3600), asTold: Duration.seconds(1))
    /// How many entries are read before a pause: by itself, at the least rate, there are three pauses a second.
    static let sliceEntryCount = 32

    /// Nil: by itself.
    let entriesPerSecond: Int?

    var leastRoundTime: Duration {
        entriesPerSecond == nil ? Self.leastRound.byItself : Self.leastRound.asTold
    }

    /// Returns the pause after some entries of a database of `size` were checked.
    ///
    /// - Parameters:
    ///   - time: how long that took.
    ///   - processorTime: how long the thread computed meanwhile.
    func pause(
        after entryCount: Int, of size: TreeSize, time: Duration, processorTime: Duration
    ) -> Duration {
        let rate =
            entriesPerSecond.map(Double.init)
            ?? max(Self.leastEntriesPerSecond, Double(size.rawValue) / Self.roundSeconds)
        let due = Duration.seconds(Double(entryCount) / rate) - time
        let rest = entriesPerSecond == nil ? processorTime * Self.restPerWork : .zero
        return max(due, rest, .zero)
    }
}
