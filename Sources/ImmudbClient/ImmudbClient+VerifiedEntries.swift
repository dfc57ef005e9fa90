import ImmudbProtocol
public import ImmudbVerification

// Verified calls of which 0.6 has no "Safe" form: a plain call, then a proof of each entry.

extension ImmudbClient {
    /// Verifies an entry that a plain call returned, such as a scan or a history: that exactly this
    /// entry is in the server's ledger, in a tree that continues everything this client has trusted
    /// before.
    ///
    /// Costs one call, and another if the server's tree has grown since the last verified one.
    ///
    /// - Throws: `VerificationError` if it is not. `ClientError` if there is no answer.
    public func verify(_ entry: Entry) async throws -> Verified<Entry> {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            let inclusion = try await verifiedInclusion(of: entry, trusted)
            let root = try await trustLinked([inclusion.tree])
            return try Verified(entry, by: inclusion, trusted: root)
        }
    }

    /// The entry at a place in the ledger, verified as by `verify`.
    ///
    /// - Throws: `ClientError` with code `.notFound` beyond the end, of a tree that was verified to
    ///   continue the trusted one.
    public func verifiedEntry(at index: EntryIndex) async throws -> Verified<Entry> {
        try await keepingEvidence {
            let entry: Entry
            do {
                entry = try await self.entry(at: index)
            } catch let error as ClientError where error.code == .notFound {
                try await verifyContinuation()
                throw error
            }
            guard entry.index == index else {
                throw VerificationError(
                    .wrongIndex, "the server answers with the entry at \(entry.index)", index: index)
            }
            return try await verify(entry)
        }
    }

    /// Appends structured entries, next to each other: all of them or none. Then verifies each.
    ///
    /// - Returns: the new entries, in their order.
    /// - Throws: as `verifiedSet`; if nothing could be proven, the entries may be there all the
    ///   same.
    @discardableResult
    public func verifiedSetBatch(
        _ entries: [(key: [UInt8], value: [UInt8])]
    ) async throws -> [Verified<Entry>] {
        try await verifiedRawSetBatch(
            entries.map { ($0.key, Content.now($0.value).storedValue) })
    }

    /// As `verifiedSetBatch`, with the values stored as they are, without a time.
    @discardableResult
    public func verifiedRawSetBatch(
        _ entries: [(key: [UInt8], value: [UInt8])]
    ) async throws -> [Verified<Entry>] {
        try await keepingEvidence {
            let trusted = try await trustedRoot()
            let last = try await rawSetBatch(entries)
            let first = last.rawValue &+ 1 &- UInt64(entries.count)
            guard first <= last.rawValue, first >= trusted.size.rawValue else {
                throw VerificationError(
                    .wrongIndex, "the batch is acknowledged by older entries",
                    trustedRoot: trusted.root, trustedSize: trusted.size, index: last)
            }
            let written = zip(first..., entries).map {
                Entry(index: EntryIndex($0), key: $1.key, value: $1.value)
            }
            let inclusions = try await verifiedInclusions(of: written, trusted)
            let root = try await trustLinked(Set(inclusions.map(\.tree)))
            return try zip(written, inclusions).map { entry, inclusion in
                try Verified(entry, by: inclusion, trusted: root)
            }
        }
    }

    /// As `verifiedInclusion`, for several entries, some at a time.
    private func verifiedInclusions(
        of entries: [Entry], _ trusted: TrustedRoot
    ) async throws -> [UncheckedInclusion] {
        let concurrentCount = 64
        return try await withThrowingTaskGroup(of: (Int, UncheckedInclusion).self) { group in
            var inclusions = [UncheckedInclusion?](repeating: nil, count: entries.count)
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

    // MARK: receipts

    /// A receipt of a key's newest entry: the entry with its proof, to be checked without this
    /// server. Verified before it is returned.
    ///
    /// - Throws: as `verifiedGet`; `ClientError` with code `.refused` for the name of a reference,
    ///   since a receipt is of one entry.
    public func receipt(of key: [UInt8]) async throws -> Receipt {
        try await keepingEvidence {
            let (verified, proof) = try await verifiedGet(key)
            guard verified.reference == nil else {
                let target = String(decoding: verified.value.key, as: UTF8.self)
                throw ClientError(
                    .refused,
                    "the key is a reference to '\(target)': ask for a receipt of that key")
            }
            return Receipt(
                server: identity, entry: verified.value, root: verified.root,
                path: try proof.inclusion().proof.path)
        }
    }

    /// Verifies a receipt with the server's help: that its tree and everything that this client
    /// trusts are of one history.
    ///
    /// - Throws: `VerificationError` if they are not, or the receipt does not prove its entry;
    ///   `ClientError` with code `.serverChanged` for a receipt of another server.
    public func verify(_ receipt: Receipt) async throws -> Verified<Entry> {
        guard receipt.server == identity else {
            throw ClientError(
                .serverChanged, "the receipt is of server \(receipt.server), this is \(identity)")
        }
        return try await keepingEvidence {
            let inclusion = UncheckedInclusion(
                proof: InclusionProof(
                    index: receipt.entry.index, size: receipt.root.size, path: receipt.path),
                leaf: receipt.entry.leaf, root: receipt.root.root)
            try inclusion.verify(contains: receipt.entry)
            let root = try await trustLinked([receipt.root])
            return try Verified(receipt.entry, by: inclusion, trusted: root)
        }
    }
}
