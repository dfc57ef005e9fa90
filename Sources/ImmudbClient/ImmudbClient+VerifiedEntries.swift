import ImmudbProtocol
public import ImmudbVerification

// Verified calls that 0.6 has no "Safe" form for: a plain call, then a proof of each entry.

extension ImmudbClient {
    /// Verifies an entry that a plain call returned, such as a scan or a history: that exactly this entry is in the
    /// server's ledger, in a tree that continues everything this client has trusted before.
    ///
    /// Costs one call, and another if the server's tree has grown since the last verified one.
    ///
    /// - Throws: `VerificationError` if it is not. `ClientError` if there is no answer; code `.notFound` if the server
    ///   has no entry at its index, which is beyond the trusted tree.
    public func verify(_ entry: Entry) async throws -> Verified<Entry> {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            let inclusion = try await verifiedInclusion(
                of: entry, trusted, wasShown: trusted.size.contains(entry.index))
            let root = try await trustLinked([inclusion.tree])
            return try Verified(entry, by: inclusion, trusted: root)
        }
    }

    /// Returns the entry at an index, verified as by `verify`.
    ///
    /// - Throws: `ClientError` with code `.notFound` beyond the end, of a tree that was verified to
    ///   continue the trusted one.
    public func verifiedEntry(at index: EntryIndex) async throws -> Verified<Entry> {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            let entry: Entry
            do {
                entry = try await self.entry(at: index)
            } catch let error as ClientError where error.code == .notFound {
                try await requireBeyondEnd(index, of: trusted)
                throw error
            }
            guard entry.index == index else {
                throw VerificationError(
                    .wrongIndex, "the server answers with the entry at \(entry.index)", index: index
                )
            }
            return try await verify(entry)
        }
    }

    /// Verifies the answer that there is no entry at an index: the index is not in the trusted tree, which the server's
    /// tree continues.
    func requireBeyondEnd(_ index: EntryIndex, of trusted: TrustedRoot) async throws {
        guard !trusted.size.contains(index) else {
            throw VerificationError(
                .inclusionFailed, "the server denies an entry of the tree that is trusted",
                trustedRoot: trusted.root, trustedSize: trusted.size, index: index)
        }
        try await verifyContinuation()
    }

    /// Appends structured entries, next to each other: all of them or none. Then verifies each.
    ///
    /// - Returns: the new entries, in order.
    /// - Throws: as `verifiedSet`; if nothing could be proven, the entries may be stored nevertheless.
    @discardableResult
    public func verifiedSetBatch(
        _ entries: [(key: [UInt8], value: [UInt8])]
    ) async throws -> [Verified<Entry>] {
        try await verifiedRawSetBatch(
            entries.map { ($0.key, Content.now($0.value).storedValue) })
    }

    /// Appends and verifies entries whose values are stored as they are, without a time; see `verifiedSetBatch`.
    @discardableResult
    public func verifiedRawSetBatch(
        _ entries: [(key: [UInt8], value: [UInt8])]
    ) async throws -> [Verified<Entry>] {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            let last = try await rawSetBatch(entries)
            let written = try Self.entries(entries, endingAt: last, behind: trusted)
            return try await afterWrite {
                let inclusions = try await verifiedInclusions(of: written, trusted)
                let root = try await trustLinked(Set(inclusions.map(\.tree)))
                return try zip(written, inclusions).map { entry, inclusion in
                    try Verified(entry, by: inclusion, trusted: root)
                }
            }
        }
    }

    /// Returns the entries of a batch at the indexes that the server assigned.
    private static func entries(
        _ entries: [(key: [UInt8], value: [UInt8])], endingAt last: EntryIndex,
        behind trusted: TrustedRoot
    ) throws(VerificationError) -> [Entry] {
        // The server may have sent any number, even one that no tree has.
        guard let size = TreeSize(endingAt: last.rawValue),
            size.rawValue >= UInt64(entries.count),
            size.rawValue - UInt64(entries.count) >= trusted.size.rawValue
        else {
            throw VerificationError(
                .wrongIndex,
                "the indexes that acknowledge the batch are those of older entries, or of none",
                trustedRoot: trusted.root, trustedSize: trusted.size, index: last)
        }
        let first = size.rawValue - UInt64(entries.count)
        return entries.enumerated().map { number, entry in
            Entry(
                index: EntryIndex(first + UInt64(number)), key: entry.key, value: entry.value)
        }
    }

    /// Verifies several entries as `verifiedInclusion` does, some at a time.
    func verifiedInclusions(
        of entries: [Entry], _ trusted: TrustedRoot
    ) async throws -> [EntryInclusion] {
        let concurrentCount = 64
        return try await withThrowingTaskGroup(of: (Int, EntryInclusion).self) { group in
            var inclusions = [EntryInclusion?](repeating: nil, count: entries.count)
            for (position, entry) in entries.enumerated() {
                if position >= concurrentCount, let (done, inclusion) = try await group.next() {
                    inclusions[done] = inclusion
                }
                group.addTask {
                    (position, try await self.verifiedInclusion(of: entry, trusted))
                }
            }
            for try await (done, inclusion) in group { inclusions[done] = inclusion }
            return inclusions.compactMap(\.self)
        }
    }
}
