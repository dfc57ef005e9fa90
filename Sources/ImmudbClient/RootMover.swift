import ImmudbVerification
import MerkleTree
import Synchronization

/// Moves a client's trusted root to the trees of its verified calls.
///
/// A call that overlaps no other moves the root itself. Calls that end while the root is moved wait and are moved together,
/// in a round: one move, which the store makes durable once, to the largest of their trees. Each of these trees continues
/// the root that was trusted when its call began. That they also continue each other is proven by computing them, as far
/// as this client has written all entries between them. The other calls need the server's proofs, see ``RootLinker``.
///
/// Rounds make no calls to the server. A round waits a little if most writes that are under way have not ended yet, so that
/// more of them share a move.
final class RootMover: Sendable {
    private struct Move: Sendable {
        let root: TrustedRoot
        let base: TrustedRoot
        let proof: UncheckedProof?
        let client: ImmudbClient
        let pending = PendingTrust()
        /// Whether a round has moved the root, but could not prove this tree. Entries of calls that are about to end may
        /// have been missing, so it waits for one more round.
        var wasPutOff = false
    }

    private struct State {
        var isMoving = false
        var waiting: [Move] = []
        /// How many verified writes have begun and not ended.
        var openCount = 0
        /// How long the last move took.
        var moveTime = Duration.zero
        /// The leaves of verified writes, for the next round.
        var written: [(index: EntryIndex, leaf: Digest)] = []
    }

    /// The tree of a call is not proven to be of one history with the trusted one.
    private struct Unproven: Error {}

    private static let attemptCount = 3
    /// A round waits if more than so many times as many writes are under way as wait for it, as long as the last move took.
    private static let missingFactor = 3
    private static let longestPause = Duration.milliseconds(10)

    private let state = Mutex(State())
    /// Used by one round at a time.
    private let trees = Mutex(GrownTrees())

    /// The number of calls that wait for the next round.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Notes that a verified write begins. ``endWrite()`` must follow.
    func beginWrite() { state.withLock { $0.openCount += 1 } }
    func endWrite() { state.withLock { $0.openCount -= 1 } }

    /// Remembers the leaf of an entry that was written and verified.
    func note(_ proof: UncheckedProof, of index: EntryIndex) {
        guard let leaf = Digest(proof.leaf) else { return }
        state.withLock { state in
            if state.written.count >= GrownTrees.maxLeafCount {
                state.written.removeFirst(GrownTrees.maxLeafCount / 2)
            }
            state.written.append((index, leaf))
        }
    }

    /// Moves the trusted root from `base` to `root`, or to a larger tree that continues `root`.
    ///
    /// - Parameter proof: that `root` continues `base`, if it is the proof of an entry.
    /// - Returns: the root that is trusted now, stored: it continues `root`. nil if that is not proven.
    /// - Throws: errors of the store; `ClientError` with code `.cancelled`.
    func move(
        to root: TrustedRoot, from base: TrustedRoot, by proof: UncheckedProof?,
        for client: ImmudbClient
    ) async throws -> TrustedRoot? {
        let isAlone = state.withLock { state in
            guard !state.isMoving, base == client.linker.newest ?? .empty,
                state.openCount <= Self.missingFactor
            else { return false }
            state.isMoving = true
            return true
        }
        if isAlone { return try await moveAlone(to: root, from: base, client) }
        let move = Move(root: root, base: base, proof: proof, client: client)
        do {
            return try await move.pending.outcome { enqueue(move) }
        } catch is Unproven {
            return nil
        }
    }

    private func moveAlone(
        to root: TrustedRoot, from base: TrustedRoot, _ client: ImmudbClient
    ) async throws -> TrustedRoot? {
        defer { passOn() }
        let now = try await client.trustedRoots.advance(from: base, to: root, of: client.identity)
        guard now == root else {
            return client.linker.knows(root) ? client.linker.newest ?? now : nil
        }
        client.linker.remember(root)
        return now
    }

    private func enqueue(_ move: Move) {
        let mustRun = state.withLock { state in
            state.waiting.append(move)
            defer { state.isMoving = true }
            return !state.isMoving
        }
        // Detached, so that the end of one call does not end the work for others.
        if mustRun { Task.detached { await self.run() } }
    }

    /// Ends a move. Those that have waited for it are made next.
    private func passOn() {
        let mustRun = state.withLock { state in
            state.isMoving = !state.waiting.isEmpty
            return state.isMoving
        }
        if mustRun { Task.detached { await self.run() } }
    }

    /// Makes rounds until no call waits.
    private func run() async {
        while let moves = await nextRound() {
            let waiting = moves.filter(\.pending.isWaiting)
            guard let client = waiting.first?.client else { continue }
            do {
                finish(waiting, try await makeRound(waiting, client))
            } catch is VerificationError {
                // Which call is to blame is found out by the proofs of each.
                for move in waiting { move.pending.finish(.failure(Unproven())) }
            } catch {
                for move in waiting { move.pending.finish(.failure(error)) }
            }
        }
    }

    private func nextRound() async -> [Move]? {
        let pause = state.withLock { state in
            let waiting = state.waiting.count
            return state.openCount - waiting > Self.missingFactor * waiting && waiting > 0
                ? min(state.moveTime, Self.longestPause) : .zero
        }
        if pause > .zero { try? await Task.sleep(for: pause) }
        return state.withLock { state in
            defer { state.waiting = [] }
            guard state.waiting.isEmpty else { return state.waiting }
            state.isMoving = false
            return nil
        }
    }

    private func finish(_ moves: [Move], _ round: Round) {
        var rest: [Move] = []
        for var move in moves {
            if round.proven.contains(move.root) {
                move.pending.finish(.success(round.now))
            } else if round.hasMoved, !move.wasPutOff {
                move.wasPutOff = true
                rest.append(move)
            } else {
                move.pending.finish(.failure(Unproven()))
            }
        }
        guard !rest.isEmpty else { return }
        state.withLock { $0.waiting = rest + $0.waiting }
    }

    private struct Round {
        /// The root that is trusted now.
        let now: TrustedRoot
        /// The calls' trees that it is proven to continue.
        let proven: Set<TrustedRoot>
        /// Whether the root was moved.
        let hasMoved: Bool
    }

    /// Moves the trusted root to the largest tree that is proven to continue it.
    private func makeRound(_ moves: [Move], _ client: ImmudbClient) async throws -> Round {
        let linker = client.linker
        let roots = Set(moves.map(\.root))
        for _ in 0..<Self.attemptCount {
            let trusted = try await client.keptRoot() ?? .empty
            // A larger one that is known was trusted after `trusted` was read: what is computed from that proves nothing of it.
            var proven = roots.filter {
                $0 == trusted || $0.size < trusted.size && linker.knows($0)
            }
            if proven.count < roots.count { proven.formUnion(computed(moves, roots, trusted)) }
            if !proven.contains(where: { $0.size > trusted.size }),
                // None of the calls' trees is proven to continue another; each continues its base.
                let move = moves.filter({ $0.base == trusted }).max(by: {
                    $0.root.size < $1.root.size
                })
            {
                proven.insert(move.root)
            }
            guard let newest = proven.max(by: { $0.size < $1.size }), newest.size > trusted.size
            else { return Round(now: trusted, proven: proven, hasMoved: false) }
            let start = ContinuousClock.now
            let now = try await client.trustedRoots.advance(
                from: trusted, to: newest, of: client.identity)
            state.withLock { $0.moveTime = .now - start }
            // Otherwise another process has moved it.
            guard now == newest else { continue }
            for root in proven { linker.remember(root) }
            return Round(now: now, proven: proven, hasMoved: true)
        }
        throw Unproven()
    }

    /// Returns which of `roots` are proven to be of one history with the trusted root, by computing them.
    private func computed(
        _ moves: [Move], _ roots: Set<TrustedRoot>, _ trusted: TrustedRoot
    ) -> Set<TrustedRoot> {
        let written = state.withLock { state in
            defer { state.written = [] }
            return state.written
        }
        return trees.withLock { trees in
            for (index, leaf) in written { trees.add(leaf, at: index) }
            defer { trees.prune(behind: trusted.size) }
            let starts = moves.filter { $0.proof != nil && $0.base.size <= trusted.size }
                .sorted { $0.base.size < $1.base.size }
            // From the oldest one all trees can be computed, unless an entry is missing that others have passed.
            for move in [starts.first, starts.last].compactMap({ $0 }) {
                guard let tree = move.proof?.tree(of: move.base) else { continue }
                let proven = trees.proven(roots, with: trusted, from: tree)
                if !proven.isEmpty { return proven }
            }
            return []
        }
    }
}
