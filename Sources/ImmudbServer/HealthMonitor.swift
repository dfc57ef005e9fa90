import ImmudbOperations
import Synchronization

/// Looks at a database's health each second while somebody watches it, once for all who do.
final class HealthMonitor: Sendable {
    private static let interval = Duration.seconds(1)

    private struct State {
        var watchers: [Int: AsyncStream<DatabaseOperations.Health>.Continuation] = [:]
        var nextNumber = 0
        /// The last that was seen, for who comes next; nil while nobody looks.
        var last: DatabaseOperations.Health?
        var task: Task<Void, Never>?
        var isOver = false
    }

    private let operations: DatabaseOperations
    /// A watcher keeps its connection for as long as it likes, so that only some connections may.
    private let limit: Int
    private let state = Mutex(State())

    init(_ operations: DatabaseOperations, limit: Int) {
        self.operations = operations
        self.limit = limit
    }

    /// The health now, and each second again, the newest only if the watcher is slow; until ``end()``.
    ///
    /// - Returns: nil if there are as many watchers as may be.
    func watch() -> AsyncStream<DatabaseOperations.Health>? {
        state.withLock { state in
            guard state.watchers.count < limit else { return nil }
            let (stream, continuation) = AsyncStream.makeStream(
                of: DatabaseOperations.Health.self, bufferingPolicy: .bufferingNewest(1))
            guard !state.isOver else {
                continuation.finish()
                return stream
            }
            let number = state.nextNumber
            state.nextNumber += 1
            state.watchers[number] = continuation
            if let last = state.last { continuation.yield(last) }
            continuation.onTermination = { [weak self] _ in self?.remove(number) }
            if state.task == nil { state.task = Task { [weak self] in await self?.look() } }
            return stream
        }
    }

    /// Ends all watching: the server is about to stop.
    func end() {
        let (watchers, task) = state.withLock { state in
            state.isOver = true
            defer {
                state.watchers = [:]
                state.task = nil
            }
            return (Array(state.watchers.values), state.task)
        }
        task?.cancel()
        // Outside of the lock, which `onTermination` takes.
        for watcher in watchers { watcher.finish() }
    }

    private func remove(_ number: Int) {
        state.withLock { _ = $0.watchers.removeValue(forKey: number) }
    }

    private func look() async {
        while !Task.isCancelled {
            let health = await operations.checkHealth()
            let watchers = state.withLock { state in
                guard !state.watchers.isEmpty else {
                    state.last = nil
                    state.task = nil
                    return [AsyncStream<DatabaseOperations.Health>.Continuation]()
                }
                state.last = health
                return Array(state.watchers.values)
            }
            if watchers.isEmpty { return }
            for watcher in watchers { watcher.yield(health) }
            try? await Task.sleep(for: Self.interval)
        }
    }
}
