import ImmudbStore
import Synchronization

/// Entries about what was refused: not more than a disk can take of strangers for years.
///
/// 100 at once, then one in ten seconds: 3 million a year, of about 400 bytes. The next entry says how many
/// have none.
final class RefusalAudit: Sendable {
    private struct State {
        var limit = AttemptLimit(burst: 100, interval: .seconds(10))
        var omitted = 0
    }

    private let database: Database
    private let state = Mutex(State())
    private let fault: @Sendable (StoreError) -> Void

    /// - Parameter fault: told what keeps an entry from the disk.
    init(_ database: Database, fault: @escaping @Sendable (StoreError) -> Void) {
        self.database = database
        self.fault = fault
    }

    /// Appends an entry, or counts it. Does not wait.
    ///
    /// - Parameters:
    ///   - time: of the entry, in microseconds since 1970.
    ///   - now: what the limit goes by, in nanoseconds of a clock that nobody sets: with that of the wall, a step
    ///     forward would open the limit, and one back would keep all entries out for as long.
    func note(
        _ action: AuditEntry.Action, from: String, user: String, outcome: String,
        at time: Int64 = WallClock.microseconds(), now: UInt64 = MonotonicTime.nanoseconds()
    ) {
        let omitted = state.withLock { state -> Int? in
            guard state.limit.allowedAt([], now: now) <= now else {
                state.omitted += 1
                return nil
            }
            state.limit.take([], now: now)
            defer { state.omitted = 0 }
            return state.omitted
        }
        guard let omitted else { return }
        let entry = AuditEntry(
            action, by: "", from: from, user: user, outcome: "refused: \(outcome)",
            omitted: omitted,
            time: time)
        database.append([entry.newEntry()]) { [fault] result in
            if case .failure(let error) = result, error.code != .closed { fault(error) }
        }
    }
}
