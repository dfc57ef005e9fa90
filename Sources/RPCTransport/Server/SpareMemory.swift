import POSIX
import Synchronization

/// Decides when to give memory back to the system: when much less is held than before and that lasts. Giving it back
/// delays other threads that allocate, for milliseconds.
final class SpareMemory: Sendable {
    private struct State {
        /// The most bytes held since memory was last given back.
        var most = 0
        /// Looks in a row that found few bytes held.
        var quietCount = 0
        var isAtWork = false
    }

    /// Memory that a connection takes beside what is counted: its session and its tables.
    static let connectionByteCount = 20 << 10
    private static let leastFreed = 32 << 20
    private static let quietLooks = 5

    private let state = Mutex(State())
    private let giveBack: (@Sendable () -> Void)?

    init(_ giveBack: (@Sendable () -> Void)?) { self.giveBack = giveBack }

    /// Notes how many bytes are held. Called once for each look at the connections.
    func look(held byteCount: Int) {
        guard let giveBack else { return }
        let isDue = state.withLock { state in
            state.most = max(state.most, byteCount)
            let isQuiet = state.most - byteCount >= Self.leastFreed && byteCount < state.most / 2
            state.quietCount = isQuiet ? state.quietCount + 1 : 0
            guard state.quietCount >= Self.quietLooks, !state.isAtWork else { return false }
            state.most = byteCount
            state.quietCount = 0
            state.isAtWork = true
            return true
        }
        guard isDue else { return }
        let work: @Sendable () -> Void = {
            giveBack()
            self.state.withLock { $0.isAtWork = false }
        }
        // Without a thread, it is tried again after as much has become free once more.
        if (try? WorkerThread(name: "memory", work)) == nil {
            state.withLock { $0.isAtWork = false }
        }
    }
}
