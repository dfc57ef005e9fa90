import POSIX
import Synchronization

/// Decides when to return memory to the system: when much less is held than before and that lasts. Returning it
/// delays other threads that allocate, for milliseconds.
final class SpareMemory: Sendable {
    private struct State {
        /// The largest number of bytes held since memory was last returned.
        var most = 0
        /// The number of successive checks that found few bytes held.
        var quietCount = 0
        var isAtWork = false
    }

    /// The uncounted memory of a connection: its session and its tables.
    static let connectionByteCount = 20 << 10
    private static let leastFreed = 32 << 20
    private static let quietLooks = 5

    private let state = Mutex(State())
    private let giveBack: (@Sendable () -> Void)?

    init(_ giveBack: (@Sendable () -> Void)?) { self.giveBack = giveBack }

    /// Notes how many bytes are held. Called once for each check of the connections.
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
        // If no thread can be started, it is tried again when the same amount has become free
        // again.
        if (try? WorkerThread(name: "memory", work)) == nil {
            state.withLock { $0.isAtWork = false }
        }
    }
}
