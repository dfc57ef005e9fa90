import ImmudbClient

/// A store that takes a while to move a root, or to fail to.
struct SlowStore: TrustedRootStore {
    var failure: ClientError?
    let roots = InMemoryTrustedRootStore()

    func trustedRoot(of server: ServerIdentity) -> TrustedRoot? {
        roots.trustedRoot(of: server)
    }

    func establish(_ root: TrustedRoot, of server: ServerIdentity) -> TrustedRoot {
        roots.establish(root, of: server)
    }

    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot {
        try await Task.sleep(for: .milliseconds(500))
        if let failure { throw failure }
        return try roots.advance(from: base, to: root, of: server)
    }
}
