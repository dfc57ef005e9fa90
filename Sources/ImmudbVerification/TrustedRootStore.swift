public import ImmudbModel
public import MerkleTree
import Synchronization

/// Keeps the newest root that a client trusts, for each server, and the server that was trusted at each address.
///
/// Several clients, in several tasks or processes, may share the content of a store; a root only ever moves forward.
///
/// A store of your own needs three functions. With two more, ``server(at:)`` and ``note(_:at:)``, a client also notices
/// that another server has replaced the one that was trusted. Without them, the client treats that server as a first
/// contact. The functions must not make verified calls of a client that uses the store: such a call may wait for them.
public protocol TrustedRootStore: Sendable {
    /// Returns the trusted root of a server.
    ///
    /// - Returns: nil if no root of this server is trusted yet: first contact. Never nil because something is
    ///   unreadable.
    /// - Throws: if there may be a root that cannot be read.
    func trustedRoot(of server: ServerIdentity) async throws -> TrustedRoot?

    /// Starts to trust a root, unless another one is already trusted.
    ///
    /// - Returns: the root that is trusted now, which may be that of a faster caller.
    @discardableResult
    func establish(_ root: TrustedRoot, of server: ServerIdentity) async throws -> TrustedRoot

    /// Moves the trusted root from `base` to `root`, which was verified to continue it, if `base` is still the trusted
    /// root.
    ///
    /// When it returns, the root is stored so that a crash does not lose it, as far as the store can.
    ///
    /// - Parameters:
    ///   - base: the root that `root` continues.
    ///   - root: a verified root. Its tree is not smaller.
    ///   - server: the server of the root.
    /// - Returns: the root that is trusted now: `root`, or the one to which another caller has moved it.
    ///   Only the server can prove whether the two are of one history.
    /// - Throws: `VerificationError` with code `.consistencyFailed` if the trusted root is another
    ///   of the same size as `root`.
    @discardableResult
    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot

    /// Returns the last server that was noted at an address.
    ///
    /// - Parameter address: host and port.
    /// - Returns: nil if there is none. Never nil because something is unreadable.
    /// - Throws: if there may be a server that cannot be read.
    func server(at address: String) async throws -> ServerIdentity?

    /// Notes that a server is trusted at an address, in place of any that was noted before.
    ///
    /// - Parameters:
    ///   - server: the server that answers there.
    ///   - address: host and port.
    func note(_ server: ServerIdentity, at address: String) async throws
}

extension TrustedRootStore {
    /// Returns nil: the store keeps no addresses.
    public func server(at address: String) async throws -> ServerIdentity? { nil }

    /// Does nothing: the store keeps no addresses.
    public func note(_ server: ServerIdentity, at address: String) async throws {}
}

/// Keeps trusted roots while the process runs, for tests for example: every start is a first contact.
public final class InMemoryTrustedRootStore: TrustedRootStore {
    private let roots: Mutex<[ServerIdentity: TrustedRoot]>
    private let servers = Mutex<[String: ServerIdentity]>([:])

    /// - Parameter roots: roots that are trusted from the start, for example from storage of your own.
    public init(_ roots: [ServerIdentity: TrustedRoot] = [:]) {
        self.roots = Mutex(roots)
    }

    public func trustedRoot(of server: ServerIdentity) -> TrustedRoot? {
        roots.withLock { $0[server] }
    }

    public func server(at address: String) -> ServerIdentity? {
        servers.withLock { $0[address] }
    }

    public func note(_ server: ServerIdentity, at address: String) {
        servers.withLock { $0[address] = server }
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
