import Synchronization
import Terminal

/// The progress bar of a command that reads much.
///
/// Its total may grow at the beginning. Called from any thread.
final class OfflineProgress: Sendable {
    private struct State {
        var bar: ProgressBar?
        var total: UInt64 = 0
    }

    private static let unit: UInt64 = 1 << 20

    private let label: String
    private let state = Mutex(State())

    init(_ label: String) { self.label = label }

    /// Shows how many of how many bytes are done.
    func update(_ done: UInt64, of total: UInt64) {
        state.withLock { state in
            if state.bar == nil || state.total != total {
                state.bar?.finish()
                state.bar = ProgressBar("\(label), MiB", total: total / Self.unit)
                state.total = total
            }
            state.bar?.update(to: done / Self.unit)
        }
    }

    /// Clears the bar.
    func finish() {
        state.withLock { state in
            state.bar?.finish()
            state.bar = nil
        }
    }
}
