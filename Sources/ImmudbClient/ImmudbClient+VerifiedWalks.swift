import ImmudbModel
public import ImmudbVerification

// Walks whose entries are verified page by page.

/// Verified entries that are requested, and proven, page by page during iteration.
public typealias VerifiedEntrySequence = PagedSequence<Verified<Entry>, any Error>

extension ImmudbClient {
    /// Returns all entries of exactly this key, newest first, each verified as by ``verify(_:)-(Entry)``. References
    /// are not followed.
    ///
    /// It is not proven that no version is missing. For a key that the server does not have, the sequence ends at once,
    /// without an error.
    public func verifiedHistory(of key: [UInt8]) -> VerifiedEntrySequence {
        verified(versions(of: key))
    }

    /// Returns the newest entries of the keys with a prefix, in byte order, each verified as by ``verify(_:)-(Entry)``.
    /// References are left out.
    ///
    /// It is not proven that no key is missing, and that an entry is the newest of its key.
    ///
    /// - Parameters: as for ``entries(withPrefix:after:before:reverse:pageSize:)-([UInt8],_,_,_,_)``.
    public func verifiedScan(
        prefix: [UInt8] = [], after first: [UInt8] = [], before end: [UInt8]? = nil,
        reverse: Bool = false, pageSize: Int = 1_000
    ) -> VerifiedEntrySequence {
        verified(
            entries(
                withPrefix: prefix, after: first, before: end, reverse: reverse, pageSize: pageSize)
        )
    }

    /// Returns all entries from an index on, in insertion order, each verified as by ``verify(_:)-(Entry)``.
    ///
    /// It is also proven that no entry of the trusted tree is missing: indexes are consecutive, and a server that
    /// denies or leaves out an entry of that tree fails verification. Only the server knows where its tree ends; an
    /// `end` beyond it ends the walk there.
    ///
    /// - Parameters: as for ``entries(from:before:pageSize:)``.
    public func verifiedEntries(
        from first: EntryIndex = EntryIndex(0), before end: EntryIndex? = nil,
        pageSize: Int = 1_000
    ) -> VerifiedEntrySequence {
        let entries = entries(from: first, before: end, pageSize: pageSize)
        return VerifiedEntrySequence { last in
            try await self.keepingEvidence {
                let trusted = try await self.trustedRoot()
                let next = last.map { $0.value.index.rawValue + 1 } ?? first.rawValue
                let isBehindAll =
                    next >= trusted.size.rawValue || end.map { next >= $0.rawValue } ?? false
                let denial = VerificationError(
                    .inclusionFailed, "the server denies an entry of the tree that is trusted",
                    trustedRoot: trusted.root, trustedSize: trusted.size, index: EntryIndex(next))
                do {
                    let page = try await entries.page(last?.value)
                    if page.isEmpty, !isBehindAll { throw denial }
                    return try await self.verify(page)
                } catch let error as ClientError where error.code == .incompatible && !isBehindAll {
                    throw denial  // The page leaves entries out.
                }
            }
        }
    }

    /// Verifies entries that plain calls returned, as ``verify(_:)-(Entry)`` does, some of them at a time. All are
    /// verified, or it throws.
    public func verify(_ entries: [Entry]) async throws -> [Verified<Entry>] {
        guard !entries.isEmpty else { return [] }
        return try await keepingEvidence {
            let trusted = try await trustedRoot()
            let inclusions = try await verifiedInclusions(of: entries, trusted)
            let root = try await trustLinked(Set(inclusions.map(\.tree)))
            return try zip(entries, inclusions).map { entry, inclusion in
                try Verified(entry, by: inclusion, trusted: root)
            }
        }
    }

    private func verified(_ entries: EntrySequence<any Error>) -> VerifiedEntrySequence {
        VerifiedEntrySequence { last in
            try await self.keepingEvidence {
                try await self.verify(try await entries.page(last?.value))
            }
        }
    }
}
