import ImmudbVerification

// The trusted root: where it comes from, and how it moves forward.

extension ImmudbClient {
    /// Returns the root that this client trusts: from its store, or at first contact according to `firstContact`.
    ///
    /// A root that the application supplied (`.trust`) is linked to the stored one, once: the server has to prove that
    /// both are of one history.
    ///
    /// - Throws: `ClientError` with code `.trustedRootUnusable` if the store has lost a root that this client has
    ///   trusted, or has an older one; `VerificationError` if the server's history does not have the root that the
    ///   application supplied.
    public func trustedRoot() async throws -> TrustedRoot {
        let root = try await storedRoot()
        guard case .trust(let brought) = firstContact, !linker.hasLinkedBrought else { return root }
        if root != brought, !brought.size.isEmpty {
            _ = try await linker.linkApart([brought], for: self)
        }
        linker.noteBroughtIsLinked()
        return try await storedRoot()
    }

    /// Returns the root in the store. If the store has none of this server, establishes the one that the server shows.
    func storedRoot() async throws -> TrustedRoot {
        if let root = try await keptRoot() { return root }
        let root = try await establishedRoot()
        linker.remember(root)
        return root
    }

    /// Returns the root in the store; nil if the store has none of this server, which then has to be established.
    ///
    /// - Throws: errors of the store; `ClientError` with code `.trustedRootUnusable` if the store has lost a root that
    ///   this client has trusted, or has an older one.
    @discardableResult
    package func keptRoot() async throws -> TrustedRoot? {
        // Read before the store, since others may move both forward meanwhile.
        let known = linker.newest
        guard let root = try await trustedRoots.trustedRoot(of: identity) else {
            if let known { throw lostRoot(known, "is gone") }
            return nil
        }
        if let known, root.size < known.size || root.size == known.size && root != known {
            throw lostRoot(known, "has been replaced by the one of \(root.size)")
        }
        linker.remember(root)
        return root
    }

    private func establishedRoot() async throws -> TrustedRoot {
        let root: TrustedRoot
        switch firstContact {
        case .trustOnFirstUse:
            root = try await currentRoot()
        case .ask(let accepts):
            root = try await currentRoot()
            guard try await accepts(root, identity) else {
                throw ClientError(
                    .firstContactRefused,
                    "the root that the server \(identity) shows was not accepted")
            }
        case .trust(let brought):
            root = brought
        case .refuse:
            throw ClientError(
                .firstContactRefused,
                "no root of the server \(identity) is trusted yet, and this client does not trust "
                    + "on first use"
            )
        }
        // Noted before the root, so that every trusted root has its address, even after a crash between the two.
        try await trustedRoots.note(identity, at: connection.address)
        return try await trustedRoots.establish(root, of: identity)
    }

    /// Accepts the server if no other one is known to have been trusted at its address.
    ///
    /// A trusted server is noted at each address at which it is found for the first time.
    ///
    /// - Parameter isExpected: whether the caller has named this server, which then replaces another one.
    /// - Throws: `ClientError` with code `.serverChanged`; errors of the store.
    func requireKnownAtAddress(isExpected: Bool) async throws {
        let address = connection.address
        guard let known = try await trustedRoots.server(at: address) else {
            // The call that needs the root reports one that cannot be read; and nothing depends on the address yet, so
            // this continues if the store cannot be written to.
            if (try? await trustedRoots.trustedRoot(of: identity)) != nil {
                try? await trustedRoots.note(identity, at: address)
            }
            return
        }
        if known == identity { return }
        guard isExpected else {
            throw ClientError.changed(address, known, .trustedAtAddress, found: identity.text)
        }
        try await trustedRoots.note(identity, at: address)
    }

    private func lostRoot(_ known: TrustedRoot, _ what: String) -> ClientError {
        ClientError(
            .trustedRootUnusable,
            "the trusted root of \(known.size) entries, \(known.root), \(what) in the store while this "
                + "client used it. Put it back")
    }

    /// Verifies that the server's current tree continues everything this client has trusted before, and trusts it.
    ///
    /// - Returns: the root that is trusted now.
    /// - Throws: `VerificationError` if it does not; `ClientError` if there is no answer.
    @discardableResult
    public func verifyContinuation() async throws -> TrustedRoot {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            guard configuration.signingKey == nil else {
                return try await trustSignedRoot(since: trusted)
            }
            let new =
                trusted.size.isEmpty
                ? try await currentRoot() : try await continuation(of: trusted)
            return try await trust(new, continuing: trusted)
        }
    }

    /// Verifies that the root which the server has signed now is of one history with the trusted one, and not older.
    private func trustSignedRoot(since trusted: TrustedRoot) async throws -> TrustedRoot {
        let signed = try await currentRoot()
        // An honest server has no smaller tree than before. Its old signatures are still valid.
        if let failure = trusted.failure(of: signed) { throw failure }
        return try await trustLinked([signed])
    }

    /// Returns the server's tree, proven to continue another.
    ///
    /// - Parameter old: not empty.
    /// - Throws: `VerificationError` if it does not, also if the server has fewer entries.
    func continuation(of old: TrustedRoot) async throws -> TrustedRoot {
        do {
            let (proof, newRoot) = try await consistencyProof(from: old.size)
            try proof.verify(from: old.root, to: newRoot)
            return TrustedRoot(size: proof.to, root: newRoot)
        } catch let error as ClientError where error.code == .notFound {
            throw await shrank(below: old, error)
        } catch let error as VerificationError {
            throw error.completed(trusted: old)
        }
    }

    /// Makes the error of a server that denies the trusted tree, with the tree that it claims to have instead: it is
    /// requested here, so that it is in the evidence.
    func shrank(below trusted: TrustedRoot, _ denial: ClientError) async -> VerificationError {
        .shrank(below: trusted, status: denial.message, claimed: try? await shownRoot().root)
    }

    /// Trusts a root that was verified to continue another, which was trusted when the call began.
    ///
    /// If the trusted root has moved meanwhile, both have to be proven to be of one history: by computation, if this client
    /// knows all entries between them, or else by the server.
    ///
    /// - Parameter proof: the proof by which `root` was verified to continue `base`, if it is that of an entry.
    /// - Returns: the root that is trusted now: it continues `root`.
    @discardableResult
    func trust(
        _ root: TrustedRoot, continuing base: TrustedRoot, by proof: UncheckedProof? = nil
    ) async throws -> TrustedRoot {
        // The tree has not grown. If another call has moved the trusted root meanwhile, it continues this one.
        if root == base { return base }
        if linker.knows(root), let newest = linker.newest { return newest }
        if let now = try await linker.mover.move(to: root, from: base, by: proof, for: self) {
            return now
        }
        return try await linker.link([root], for: self)
    }

    /// Trusts trees of which nothing is verified yet: the server has to prove that they are of one history with the
    /// trusted tree.
    ///
    /// - Parameter isForeign: whether they did not come from the server. If they are not of its history, the server is
    ///   not to blame, unless it does not continue the trusted tree either.
    /// - Returns: a trusted root that continues all of them.
    @discardableResult
    func trustLinked(
        _ roots: Set<TrustedRoot>, isForeign: Bool = false
    ) async throws -> TrustedRoot {
        // Also for roots that are known here: the caller asks whether the server still has them.
        let trusted = isForeign ? try await verifyContinuation() : try await trustedRoot()
        let unknown = roots.filter { !linker.knows($0) }
        guard !unknown.isEmpty else {
            // Others may have moved the trusted root beyond `trusted` meanwhile.
            return roots.reduce(trusted) { $1.size > $0.size ? $1 : $0 }
        }
        guard isForeign else { return try await linker.link(unknown, for: self) }
        do {
            return try await linker.linkApart(unknown, for: self)
        } catch let error as VerificationError {
            throw VerificationError(
                .receiptRefuted,
                "this root is not in the server's history, which continues the trusted one",
                newRoot: unknown.first?.root, newSize: unknown.first?.size, path: error.path)
        }
    }
}
