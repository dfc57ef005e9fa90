import ImmudbVerification
import Synchronization

/// Sees to it that all trees that a client has verified entries in are of one history.
///
/// Calls that run at the same time are each verified against the root that was trusted when they
/// began. Each of their trees continues that root; that they continue each other takes further
/// proofs, or a server could answer two of them from two histories that split after it. The proofs
/// are asked for once for all calls that wait, so that they cost little beside the calls.
final class RootLinker: Sendable {
    private struct Waiter: Sendable {
        let roots: [TrustedRoot]
        let completion: CheckedContinuation<TrustedRoot, any Error>
    }

    private struct State {
        var waiting: [Waiter] = []
        var isRunning = false
        /// Roots that were trusted lately, each of which the next continues.
        var recent: [TrustedRoot] = []
    }

    /// How often the server's tree may grow between two answers before this gives up.
    private static let attemptCount = 32
    private static let recentCount = 64

    private let state = Mutex(State())

    /// Whether what is trusted now is known to continue a root.
    func knows(_ root: TrustedRoot) -> Bool {
        root.size.isEmpty || state.withLock { $0.recent.contains(root) }
    }

    /// Remembers a root that was trusted.
    func remember(_ root: TrustedRoot) {
        state.withLock { state in
            guard !state.recent.contains(root) else { return }
            state.recent.append(root)
            if state.recent.count > Self.recentCount { state.recent.removeFirst() }
        }
    }

    /// Proves that trees are of one history with what is trusted, and trusts the newest of it.
    ///
    /// - Returns: a trusted root that continues all of them.
    /// - Throws: `VerificationError` if they are not; then it may also be the tree of another call
    ///   that waited. `ClientError` if the server does not answer.
    func link(_ roots: [TrustedRoot], for client: ImmudbClient) async throws -> TrustedRoot {
        try await withCheckedThrowingContinuation { completion in
            let mustRun = state.withLock { state in
                state.waiting.append(Waiter(roots: roots, completion: completion))
                defer { state.isRunning = true }
                return !state.isRunning
            }
            if mustRun { Task { await self.run(for: client) } }
        }
    }

    private func run(for client: ImmudbClient) async {
        while true {
            let waiters = state.withLock { state in
                defer { state.waiting = [] }
                if state.waiting.isEmpty { state.isRunning = false }
                return state.waiting
            }
            if waiters.isEmpty { return }
            let result: Result<TrustedRoot, any Error>
            do {
                let roots = Set(waiters.flatMap(\.roots))
                result = .success(
                    try await client.keepingEvidence { try await Self.link(roots, for: client) })
            } catch {
                result = .failure(error)
            }
            for waiter in waiters { waiter.completion.resume(with: result) }
        }
    }

    /// Each round asks for the proofs from all open trees to the server's newest one. If that is one
    /// tree, they are all linked; if it has grown meanwhile, the next round links what they led to.
    private static func link(
        _ roots: Set<TrustedRoot>, for client: ImmudbClient
    ) async throws -> TrustedRoot {
        var open = roots
        for _ in 0..<attemptCount {
            let trusted = try await client.trustedRoot()
            open.insert(trusted)
            try requireOneOfEachSize(open)
            if open.count == 1 { return trusted }
            open = try await continuations(of: open, for: client)
            guard open.count == 1, let newest = open.first else { continue }
            let now = try await client.trustedRoots.advance(
                from: trusted, to: newest, of: client.identity)
            client.linker.remember(now)
            if now == newest { return now }
        }
        throw ClientError(
            .unavailable,
            "the server's tree grew \(attemptCount) times while answers were compared: try again")
    }

    private static func requireOneOfEachSize(
        _ roots: Set<TrustedRoot>
    ) throws(VerificationError) {
        var bySize: [TreeSize: TrustedRoot] = [:]
        for root in roots {
            if let other = bySize.updateValue(root, forKey: root.size),
                let conflict = other.conflict(with: root)
            {
                throw conflict
            }
        }
    }

    /// The trees that the server's tree was while it was asked, each proven to continue some of
    /// `roots`; every root is continued by one.
    private static func continuations(
        of roots: Set<TrustedRoot>, for client: ImmudbClient
    ) async throws -> Set<TrustedRoot> {
        try await withThrowingTaskGroup(of: TrustedRoot.self) { group in
            for root in roots where !root.size.isEmpty {
                group.addTask { try await client.continuation(of: root) }
            }
            var newer: Set<TrustedRoot> = []
            for try await root in group { newer.insert(root) }
            return newer
        }
    }
}
