import ImmudbStore
import Synchronization

/// Writes audit entries about refusals, at a rate at which attackers could not fill a disk in
/// years.
///
/// 100 entries are written at once, then one in ten seconds: 3 million a year, of about 400 bytes.
/// The next entry has the number of refusals that got no entry.
final class RefusalAudit: Sendable {
    private struct State {
        var limit = AttemptLimit(burst: 100, interval: .seconds(10))
        var omitted = 0
    }

    private let database: Database
    private let state = Mutex(State())
    private let fault: @Sendable (StoreError) -> Void

    /// - Parameter fault: receives the error of an entry that could not be written.
    init(_ database: Database, fault: @escaping @Sendable (StoreError) -> Void) {
        self.database = database
        self.fault = fault
    }

    /// Appends an entry, or counts it. Does not wait.
    ///
    /// - Parameters:
    ///   - time: the time of the entry, in microseconds since 1970.
    ///   - now: the time for the limit, in nanoseconds of a monotonic clock. With the wall clock, a
    ///     step forward would open the limit, and a step back would keep all entries out for as
    ///     long.
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
