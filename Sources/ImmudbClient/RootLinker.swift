import ImmudbVerification
import Synchronization

/// Makes sure that all trees in which a client has verified entries are of one history.
///
/// Calls that run at the same time are each verified against the root that was trusted when they began. Each of their
/// trees continues that root. Whether the trees continue each other takes further proofs; without them, a server could
/// answer two calls from two histories that split after that root. The proofs are requested once for all waiting calls,
/// so that they cost little beside the calls.
final class RootLinker: Sendable {
    private struct Waiter: Sendable {
        let roots: Set<TrustedRoot>
        /// Makes the calls of a round in which this is the first one that waits.
        let client: ImmudbClient
        let pending = PendingTrust()
    }

    private struct State {
        var waiting: [Waiter] = []
        var isRunning = false
        /// Roots that were trusted recently, each of which a later one continues.
        var recent: Set<TrustedRoot> = []
        /// The same; once there are `recentCount` of them, the next one replaces that at `oldest`.
        var arrivals: [TrustedRoot] = []
        var oldest = 0
        /// The largest root that was trusted.
        var newest: TrustedRoot?
        /// Whether a root that the application supplied is proven to be of the trusted history.
        var hasLinkedBrought = false
    }

    /// How many times the server's tree may grow between two answers before linking fails.
    private static let attemptCount = 32
    private static let recentCount = 256

    private let state = Mutex(State())

    /// Moves the trusted root for calls whose trees continue it.
    let mover = RootMover()

    // MARK: known roots

    /// Returns whether the trusted root is known to continue `root`.
    func knows(_ root: TrustedRoot) -> Bool {
        root.size.isEmpty || state.withLock { $0.recent.contains(root) }
    }

    /// The largest tree that this client has trusted; nil if it has trusted none.
    var newest: TrustedRoot? { state.withLock { $0.newest } }

    var hasLinkedBrought: Bool { state.withLock { $0.hasLinkedBrought } }
    func noteBroughtIsLinked() { state.withLock { $0.hasLinkedBrought = true } }

    /// Remembers a root that was trusted.
    func remember(_ root: TrustedRoot) {
        state.withLock { state in
            if root.size > state.newest?.size ?? TreeSize(0) { state.newest = root }
            guard state.recent.insert(root).inserted else { return }
            guard state.arrivals.count == Self.recentCount else {
                return state.arrivals.append(root)
            }
            state.recent.remove(state.arrivals[state.oldest])
            state.arrivals[state.oldest] = root
            state.oldest = (state.oldest + 1) % Self.recentCount
        }
    }

    // MARK: linking

    /// Proves that trees are of one history with the trusted one, and trusts the newest tree of that history. Takes one
    /// proof for all calls that wait at the same time.
    ///
    /// - Returns: a trusted root that continues all of them.
    /// - Throws: `VerificationError` if they are not of one history. `ClientError` if the server does not answer, or
    ///   `.cancelled`, at once, when the calling task is cancelled.
    func link(_ roots: Set<TrustedRoot>, for client: ImmudbClient) async throws -> TrustedRoot {
        do {
            let waiter = Waiter(roots: roots, client: client)
            return try await waiter.pending.outcome {
                let mustRun = state.withLock { state in
                    state.waiting.append(waiter)
                    defer { state.isRunning = true }
                    return !state.isRunning
                }
                // Detached, so that the calls for all waiters are in no caller's transcript.
                if mustRun { Task.detached { await self.run() } }
            }
        } catch is SharedFailure {
            // The cause may be the tree of another waiting call. Each call gets its own result.
            return try await linkApart(roots, for: client)
        }
    }

    /// Links these roots as `link` does, without those of other calls.
    func linkApart(_ roots: Set<TrustedRoot>, for client: ImmudbClient) async throws -> TrustedRoot
    {
        let end = ContinuousClock.now + client.connection.callTimeout
        return try await Self.link(roots, for: client, until: end)
    }

    /// Several calls waited, and not all of their trees are of one history.
    private struct SharedFailure: Error {}

    /// Links the roots of those who wait, in rounds, until no call waits.
    ///
    /// Each round makes its calls with the client of one that waits in it: with the token, the timeout and the room of
    /// a caller who is still there.
    private func run() async {
        while let waiters = nextRound() {
            // Those that were cancelled have their result.
            let waiting = waiters.filter(\.pending.isWaiting)
            guard let client = waiting.first?.client else { continue }
            let result = await outcome(of: waiting, by: client)
            for waiter in waiting { waiter.pending.finish(result) }
        }
    }

    private func nextRound() -> [Waiter]? {
        state.withLock { state in
            defer { state.waiting = [] }
            guard state.waiting.isEmpty else { return state.waiting }
            state.isRunning = false
            return nil
        }
    }

    private func outcome(
        of waiters: [Waiter], by client: ImmudbClient
    ) async -> Result<TrustedRoot, any Error> {
        do {
            let roots = waiters.reduce(into: Set()) { $0.formUnion($1.roots) }
            return .success(try await linkApart(roots, for: client))
        } catch is VerificationError {
            // Each call asks again, for its own result and its own evidence.
            return .failure(SharedFailure())
        } catch  where waiters.count > 1 {
            // The calls may be those of several users: the server may refuse one of them, and one may have a shorter
            // timeout than the others.
            return .failure(SharedFailure())
        } catch {
            return .failure(error)
        }
    }

    /// Links roots in rounds. Each round requests the proofs from all open trees to the server's newest one. If the
    /// answers have the same tree, all roots are linked; if the tree has grown meanwhile, the next round links the
    /// trees of the answers.
    private static func link(
        _ roots: Set<TrustedRoot>, for client: ImmudbClient, until end: ContinuousClock.Instant
    ) async throws -> TrustedRoot {
        var open = roots
        for _ in 0..<attemptCount {
            let trusted = try await client.storedRoot()
            open.insert(trusted)
            try requireOneOfEachSize(open, trusted)
            if open.count == 1 { return trusted }
            open = try await continuations(of: open, for: client)
            if open.count == 1, let newest = open.first {
                // All of them are beginnings of it, and therefore of each other.
                if roots.allSatisfy({ $0.size <= trusted.size }) { return trusted }
                let now = try await client.trustedRoots.advance(
                    from: trusted, to: newest, of: client.identity)
                client.linker.remember(now)
                if now == newest { return now }
            }
            try Task.checkCancellation()
            guard ContinuousClock.now < end else {
                throw ClientError(
                    .deadlineExceeded, "the server's answers could not be compared in time")
            }
        }
        throw ClientError(
            .unavailable,
            "the server's tree grew \(attemptCount) times while answers were compared: try again")
    }

    private static func requireOneOfEachSize(
        _ roots: Set<TrustedRoot>, _ trusted: TrustedRoot
    ) throws(VerificationError) {
        var bySize = [trusted.size: trusted]
        for root in roots where root != trusted {
            if let other = bySize.updateValue(root, forKey: root.size),
                let conflict = other.conflict(with: root)
            {
                throw conflict
            }
        }
    }

    /// Returns the trees that the server had while it was asked, each proven to continue some of `roots`; every root is
    /// continued by one.
    private static func continuations(
        of roots: Set<TrustedRoot>, for client: ImmudbClient
    ) async throws -> Set<TrustedRoot> {
        // The server decides how many roots there are; it is asked about some at a time.
        let concurrentCount = 64
        return try await withThrowingTaskGroup(of: TrustedRoot.self) { group in
            var newer: Set<TrustedRoot> = []
            for (number, root) in roots.lazy.filter({ !$0.size.isEmpty }).enumerated() {
                if number >= concurrentCount, let root = try await group.next() {
                    newer.insert(root)
                }
                group.addTask { try await client.continuation(of: root) }
            }
            for try await root in group { newer.insert(root) }
            return newer
        }
    }
}
