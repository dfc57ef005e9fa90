public import ImmudbModel
public import MerkleTree
import Synchronization

/// Keeps the newest root that a client trusts, for each server, and which server was trusted at which address.
///
/// Several clients, in several tasks or processes, may share what a store keeps; a root only ever
/// moves forward.
///
/// A store of your own needs three calls. With two more, ``server(at:)`` and ``note(_:at:)``, a client also notices that
/// another server has taken the place of the one that was trusted. Without them that one is met for the first time.
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

    /// Returns the server that was trusted at an address: the last one that was noted there.
    ///
    /// - Parameter address: host and port.
    /// - Returns: nil if none was. Never nil because something is unreadable.
    /// - Throws: if there may be one that cannot be read.
    func server(at address: String) async throws -> ServerIdentity?

    /// Notes that a server is trusted at an address, in place of any that was noted there.
    ///
    /// - Parameters:
    ///   - server: the one that answers there.
    ///   - address: host and port.
    func note(_ server: ServerIdentity, at address: String) async throws
}

extension TrustedRootStore {
    /// Returns nil: the store keeps no addresses.
    public func server(at address: String) async throws -> ServerIdentity? { nil }

    /// Does nothing: the store keeps no addresses.
    public func note(_ server: ServerIdentity, at address: String) async throws {}
}

/// Keeps trusted roots for as long as the process runs, such as for tests: every start is a first contact.
public final class InMemoryTrustedRootStore: TrustedRootStore {
    private let roots: Mutex<[ServerIdentity: TrustedRoot]>
    private let servers = Mutex<[String: ServerIdentity]>([:])

    /// - Parameter roots: roots that are trusted from the start, such as from a place of your own.
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
