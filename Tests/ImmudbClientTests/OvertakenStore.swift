import ImmudbClient

/// A store in which another client moves the root forward just before this one does.
struct OvertakenStore: TrustedRootStore {
    private let roots = InMemoryTrustedRootStore()
    private let other: TrustedRoot

    init(to other: TrustedRoot) { self.other = other }

    func trustedRoot(of server: ServerIdentity) -> TrustedRoot? {
        roots.trustedRoot(of: server)
    }

    func establish(_ root: TrustedRoot, of server: ServerIdentity) -> TrustedRoot {
        roots.establish(root, of: server)
    }

    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) throws -> TrustedRoot {
        _ = try roots.advance(from: base, to: other, of: server)
        return try roots.advance(from: base, to: root, of: server)
    }
}
