import Dispatch
public import ImmudbVerification
import Synchronization

/// Keeps trusted roots in files, one for each server, with the name and format of immudb's other clients:
/// `<directory>/.root-<identity>`, a protobuf `Root`, without a digest if the server was empty at first contact. An
/// empty file, which a power failure can leave, is an error.
///
/// A root is written to a temporary file, synced, and renamed, and the directory is synced, so that a crash leaves the
/// old root or the new one. Processes that share a directory lock each other out (`.root-<identity>.lock`) while they
/// read, compare and write, so none moves a root back. Moves that are requested while one is written are written
/// together; reads that are requested meanwhile are one read.
///
/// The file `known-servers` records which server was trusted at which address, so that another server there is not
/// taken for a first contact.
///
/// A root that was read or written stays in memory, and its file stays open. A read then only looks up the path: if it
/// still names that file, unchanged, the file is not read again. So a root that another process has moved, or a file that
/// was removed, is noticed by the next read. On file systems of other machines each read reads the file.
///
/// All other file operations run on threads of the store's own. Reads do not wait for writes, which sync the disk twice:
/// while a root is written, they get the one before it, which is on disk.
public final class FileTrustedRootStore: TrustedRootStore {
    private struct Read: Sendable {
        var server: ServerIdentity
        var completion: CheckedContinuation<TrustedRoot?, any Error>
    }

    /// A server's root in memory.
    private enum Kept: Sendable {
        /// The root that was read or written last.
        case held(HeldRoot)
        /// The root that is being replaced, and is on disk until then; nil for a server that had none.
        case replaced(TrustedRoot?)

        /// - Returns: nil for a file that has to be read each time.
        init?(_ held: HeldRoot?) {
            guard let held, held.canBeCompared else { return nil }
            self = .held(held)
        }
    }

    fileprivate struct Move: Sendable {
        var root: TrustedRoot
        var server: ServerIdentity
        /// The root that it continues; nil: only if there is no root yet.
        var base: TrustedRoot?
        var completion: CheckedContinuation<TrustedRoot, any Error>
    }

    /// The directory of the files. Empty means the current directory.
    public let directory: String
    private let lockTimeoutMilliseconds: Int
    private let queue = DispatchQueue(label: "immudb.trusted-roots")
    private let readQueue = DispatchQueue(label: "immudb.trusted-roots.reads")
    private let reads = Mutex<[Read]>([])
    private let kept = Mutex<[ServerIdentity: Kept]>([:])
    private let moves = Mutex<[Move]>([])

    /// - Parameters:
    ///   - directory: created when a root is stored, with its missing parents, for its owner alone.
    ///   - lockTimeoutMilliseconds: how long to wait for another process that holds the lock.
    public init(directory: String, lockTimeoutMilliseconds: Int = 10_000) {
        self.directory = directory
        self.lockTimeoutMilliseconds = lockTimeoutMilliseconds
    }

    public func trustedRoot(of server: ServerIdentity) async throws -> TrustedRoot? {
        if let root = unchangedRoot(of: server) { return root }
        return try await withCheckedThrowingContinuation { completion in
            let isAlone = reads.withLock { reads in
                reads.append(Read(server: server, completion: completion))
                return reads.count == 1
            }
            if isAlone { readQueue.async { self.makeReads() } }
        }
    }

    /// Reads each server's file once for all calls that wait, each of which gets what was read after it began.
    private func makeReads() {
        let waiting = reads.withLock { reads in
            defer { reads = [] }
            return reads
        }
        for (server, reads) in Dictionary(grouping: waiting, by: \.server) {
            let result = Result<TrustedRoot?, any Error> { try durableRoot(of: server) }
            for read in reads { read.completion.resume(with: result) }
        }
    }

    /// Returns the root in memory if it is the one on disk; nil if the file has to be read.
    private func unchangedRoot(of server: ServerIdentity) -> TrustedRoot? {
        switch kept.withLock({ $0[server] }) {
        case .held(let held): held.isUnchanged ? held.root : nil
        // The lock is held meanwhile, so no other process moves the root.
        case .replaced(let old): old
        case nil: nil
        }
    }

    private func durableRoot(of server: ServerIdentity) throws -> TrustedRoot? {
        if case .replaced(let old) = kept.withLock({ $0[server] }) { return old }
        let held = try file(of: server).hold()
        return kept.withLock { kept in
            // What was read may be a root whose write has begun meanwhile, and has not ended.
            if case .replaced(let old) = kept[server] { return old }
            kept[server] = Kept(held)
            return held?.root
        }
    }

    /// Replaces a server's root. Must be called with the lock of the file.
    private func write(
        _ root: TrustedRoot, replacing old: TrustedRoot?, of server: ServerIdentity
    ) throws {
        let file = file(of: server)
        var held: HeldRoot?
        kept.withLock { $0[server] = .replaced(old) }
        defer { kept.withLock { $0[server] = Kept(held) } }
        try file.write(root)
        // The next read reports a file that cannot be read now.
        held = try? file.hold()
    }

    /// Forgets a root in memory that is not the one in the file, although its stamp is.
    private func forget(unless current: TrustedRoot?, of server: ServerIdentity) {
        kept.withLock { kept in
            if case .held(let held) = kept[server], held.root != current { kept[server] = nil }
        }
    }

    public func server(at address: String) async throws -> ServerIdentity? {
        let servers = KnownServers(in: folder)
        return try await onQueue { try servers.identity(at: address) }
    }

    public func note(_ server: ServerIdentity, at address: String) async throws {
        let servers = KnownServers(in: folder)
        try await onQueue { try servers.note(server, at: address) }
    }

    private func onQueue<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { completion in
            queue.async { completion.resume(with: Result { try work() }) }
        }
    }

    @discardableResult
    public func establish(
        _ root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot {
        try await move(to: root, of: server, from: nil)
    }

    @discardableResult
    public func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot {
        try await move(to: root, of: server, from: base)
    }

    private func move(
        to root: TrustedRoot, of server: ServerIdentity, from base: TrustedRoot?
    ) async throws -> TrustedRoot {
        try await withCheckedThrowingContinuation { completion in
            let move = Move(root: root, server: server, base: base, completion: completion)
            let isAlone = moves.withLock { moves in
                moves.append(move)
                return moves.count == 1
            }
            if isAlone { queue.async { self.makeMoves() } }
        }
    }

    /// Makes all waiting moves: takes one lock and at most one write for each server.
    private func makeMoves() {
        let waiting = moves.withLock { moves in
            defer { moves = [] }
            return moves
        }
        for (server, moves) in Dictionary(grouping: waiting, by: \.server) {
            let results = results(of: moves, of: server)
            for (move, result) in zip(moves, results) { move.completion.resume(with: result) }
        }
    }

    private func results(
        of moves: [Move], of server: ServerIdentity
    ) -> [Result<TrustedRoot, any Error>] {
        let file = file(of: server)
        do {
            let current = try file.read()
            forget(unless: current, of: server)
            // Most calls find the tree unchanged, and need neither lock nor write.
            if let stored = current, moves.allSatisfy({ $0.leavesAsIs(stored) }) {
                return moves.map { _ in .success(stored) }
            }
            return try file.withLock(timeoutMilliseconds: lockTimeoutMilliseconds) {
                let stored = try file.read()
                var trusted = stored
                let results = moves.map { move in
                    Result<TrustedRoot, any Error> {
                        let next = try move.root(after: trusted)
                        trusted = next
                        return next
                    }
                }
                if let trusted, trusted != stored {
                    try write(trusted, replacing: stored, of: server)
                }
                return results
            }
        } catch {
            return moves.map { _ in .failure(error) }
        }
    }

    private var folder: String { directory.isEmpty ? "." : directory }

    private func file(of server: ServerIdentity) -> RootFile {
        let prefix = directory.isEmpty || directory.hasSuffix("/") ? directory : directory + "/"
        return RootFile(directory: folder, path: "\(prefix).root-\(server.text)")
    }
}

extension FileTrustedRootStore.Move {
    fileprivate func leavesAsIs(_ stored: TrustedRoot) -> Bool {
        stored == root || base != stored && stored.size != root.size
    }

    fileprivate func root(after trusted: TrustedRoot?) throws -> TrustedRoot {
        guard let trusted else {
            guard base?.size.isEmpty ?? true else {
                throw ClientError(
                    .trustedRootUnusable,
                    "the trusted root of the server \(server) is gone from its file while this client used it. Put it back"
                )
            }
            return root
        }
        return try base.map { base throws(VerificationError) in
            try trusted.advanced(from: base, to: root)
        } ?? trusted
    }
}
