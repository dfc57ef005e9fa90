import ImmudbOperations
import Synchronization

/// Checks a database's health each second while at least one client watches it, once for all of
/// them.
final class HealthMonitor: Sendable {
    private static let interval = Duration.seconds(1)

    /// The maximum number of watchers of one connection.
    private static let connectionLimit = 4

    private struct Watcher {
        let lane: Int
        let host: String
        let continuation: AsyncStream<DatabaseOperations.Health>.Continuation
    }

    private struct State {
        var watchers: [Int: Watcher] = [:]
        var nextNumber = 0
        /// The newest health, which a new watcher gets at once; nil if there are no watchers.
        var last: DatabaseOperations.Health?
        var task: Task<Void, Never>?
        var isOver = false
    }

    private let operations: DatabaseOperations
    /// The maximum number of watchers of all clients, twice that of one address, since a watcher
    /// may keep its connection open without limit.
    private let limit: Int
    private let state = Mutex(State())

    init(_ operations: DatabaseOperations, limit: Int) {
        self.operations = operations
        self.limit = limit
    }

    /// Returns the health now and every second until ``end()``. A slow watcher gets only the
    /// newest.
    ///
    /// - Parameters:
    ///   - lane: the number of the watcher's connection.
    ///   - host: the unit by which clients are counted: an address, or a network of IPv6.
    /// - Returns: nil if the limit of all clients, of this connection or of this host is reached.
    func watch(lane: Int, host: String) -> AsyncStream<DatabaseOperations.Health>? {
        state.withLock { state -> AsyncStream<DatabaseOperations.Health>? in
            guard state.watchers.count < limit,
                state.watchers.values.count(where: { $0.lane == lane }) < Self.connectionLimit,
                state.watchers.values.count(where: { $0.host == host }) < max(1, (limit + 1) / 2)
            else { return nil }
            let (stream, continuation) = AsyncStream.makeStream(
                of: DatabaseOperations.Health.self, bufferingPolicy: .bufferingNewest(1))
            guard !state.isOver else {
                continuation.finish()
                return stream
            }
            let number = state.nextNumber
            state.nextNumber += 1
            state.watchers[number] = Watcher(lane: lane, host: host, continuation: continuation)
            if let last = state.last { continuation.yield(last) }
            continuation.onTermination = { [weak self] _ in self?.remove(number) }
            if state.task == nil { state.task = Task { [weak self] in await self?.look() } }
            return stream
        }
    }

    /// Ends all watching, since the server is stopping.
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
        // Outside of the lock: `onTermination` takes it.
        for watcher in watchers { watcher.continuation.finish() }
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
                    return [Watcher]()
                }
                state.last = health
                return Array(state.watchers.values)
            }
            if watchers.isEmpty { return }
            for watcher in watchers { watcher.continuation.yield(health) }
            try? await Task.sleep(for: Self.interval)
        }
    }
}
