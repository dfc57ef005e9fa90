public import ImmudbModel
public import MerkleTree
import Synchronization

/// Keeps the newest root that a client trusts, for each server.
///
/// Several clients, in several tasks or processes, may share what a store keeps; a root only ever
/// moves forward.
public protocol TrustedRootStore: Sendable {
    /// - Returns: nil if no root of this server is trusted yet: first contact. Never nil because
    ///   something is unreadable.
    /// - Throws: if there may be one that cannot be read.
    func trustedRoot(of server: ServerIdentity) async throws -> TrustedRoot?

    /// Starts to trust a root, unless one is trusted already.
    ///
    /// - Returns: the root that is trusted now, which may be another's that was faster.
    @discardableResult
    func establish(_ root: TrustedRoot, of server: ServerIdentity) async throws -> TrustedRoot

    /// Moves the trusted root from one to another that was verified to continue it, unless it is no
    /// longer the one that it is to be moved from.
    ///
    /// When it returns, the root is stored so that a crash does not lose it, as far as the store
    /// can.
    ///
    /// - Parameters:
    ///   - base: the root that `root` continues.
    ///   - root: verified. Not of a smaller tree.
    ///   - server: whose root it is.
    /// - Returns: the root that is trusted now: `root`, or what somebody else has moved it to.
    ///   Whether the two are of one history, only the server can prove.
    /// - Throws: `VerificationError` with code `.consistencyFailed` if the trusted root is another
    ///   of the same size as `root`.
    @discardableResult
    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot
}

/// Keeps trusted roots for as long as the process runs: every start is a first contact.
public final class InMemoryTrustedRootStore: TrustedRootStore {
    private let roots: Mutex<[ServerIdentity: TrustedRoot]>

    /// - Parameter roots: roots that are trusted from the start, such as from a place of your own.
    public init(_ roots: [ServerIdentity: TrustedRoot] = [:]) {
        self.roots = Mutex(roots)
    }

    public func trustedRoot(of server: ServerIdentity) -> TrustedRoot? {
        roots.withLock { $0[server] }
    }

    @discardableResult
    public func establish(_ root: TrustedRoot, of server: ServerIdentity) -> TrustedRoot {
        roots.withLock { roots in
            let trusted = roots[server] ?? root
            roots[server] = trusted
            return trusted
        }
    }

    @discardableResult
    public func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) throws(VerificationError) -> TrustedRoot {
        try roots.withLock { (roots) throws(VerificationError) in
            let trusted = try roots[server]?.advanced(from: base, to: root) ?? root
            roots[server] = trusted
            return trusted
        }
    }
}
