import ImmudbVerification

// The trusted root: where it comes from, and how it moves.

extension ImmudbClient {
    /// The root that this client trusts: from its store, or at first contact as `firstContact`
    /// says.
    public func trustedRoot() async throws -> TrustedRoot {
        if let root = try await trustedRoots.trustedRoot(of: identity) { return root }
        switch firstContact {
        case .trustOnFirstUse:
            return try await trustedRoots.establish(try await currentRoot(), of: identity)
        case .trust(let root):
            return try await trustedRoots.establish(root, of: identity)
        case .refuse:
            throw ClientError(
                .firstContactRefused,
                "no root of the server \(identity) is trusted yet, and this client does not trust "
                    + "on first use"
            )
        }
    }

    /// Verifies that the server's tree, as it is now, continues everything this client has trusted
    /// before, and trusts it.
    ///
    /// - Returns: the root that is trusted now.
    /// - Throws: `VerificationError` if it does not; `ClientError` if there is no answer.
    @discardableResult
    public func verifyContinuation() async throws -> TrustedRoot {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            let new =
                trusted.size.isEmpty
                ? try await currentRoot() : try await continuation(of: trusted)
            return try await trust(new, continuing: trusted)
        }
    }

    /// The server's tree, proven to continue another.
    ///
    /// - Parameter old: not empty.
    /// - Throws: `VerificationError` if it does not, also if the server has fewer entries.
    func continuation(of old: TrustedRoot) async throws -> TrustedRoot {
        do {
            let (proof, newRoot) = try await consistencyProof(from: old.size)
            try proof.verify(from: old.root, to: newRoot)
            return TrustedRoot(size: proof.to, root: newRoot)
        } catch let error as ClientError where error.code == .notFound {
            throw VerificationError.shrank(below: old, status: error.message)
        } catch let error as VerificationError {
            throw error.completed(trusted: old)
        }
    }

    /// Trusts a root that was verified to continue another, which was trusted when the call began.
    ///
    /// If the trusted root has moved meanwhile, the server has to prove first that both are of one
    /// history.
    ///
    /// - Returns: the root that is trusted now: it continues `root`.
    @discardableResult
    func trust(
        _ root: TrustedRoot, continuing base: TrustedRoot
    ) async throws -> TrustedRoot {
        let now = try await trustedRoots.advance(from: base, to: root, of: identity)
        if now == root {
            linker.remember(root)
            return now
        }
        if root == base || linker.knows(root) { return now }
        return try await linker.link([root], for: self)
    }

    /// Trusts trees of which nothing is verified yet: the server has to prove that they are of one
    /// history with what is trusted.
    ///
    /// - Returns: the root that is trusted now: it continues all of them.
    @discardableResult
    func trustLinked(_ roots: Set<TrustedRoot>) async throws -> TrustedRoot {
        let trusted = try await trustedRoot()
        linker.remember(trusted)
        let unknown = roots.filter { !linker.knows($0) }
        return unknown.isEmpty ? trusted : try await linker.link(Array(unknown), for: self)
    }
}
