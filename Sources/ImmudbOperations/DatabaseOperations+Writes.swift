public import ImmudbStore

extension DatabaseOperations {
    /// Appends entries, all or none. Drops them if the caller has gone before their turn.
    ///
    /// - Parameter completion: as of `Database.append`: runs on a thread of the database once the
    ///   entries are durable and visible; must not block.
    public func append(
        _ entries: [NewEntry], for caller: some Caller,
        completion: @escaping @Sendable (Result<Appended, StoreError>) -> Void
    ) {
        // A caller has two sources, one for its batches and one for its single writes, so that
        // batches do not delay single writes. A caller's operations are not ordered.
        let source = 2 * caller.lane + (entries.count > 1 ? 1 : 0)
        database.append(
            entries, source: source, isCancelled: { caller.hasGone }, completion: completion)
    }

    /// Appends one entry, and proves that it is in a tree that continues the one that the caller trusts.
    ///
    /// Checks everything before it writes, so a refused call leaves no entry.
    ///
    /// - Parameters:
    ///   - trusted: the last index of the tree that the caller trusts, or nil for the tree of one
    ///     entry.
    ///   - completion: runs on the thread for proofs, or on the caller's if the entry is refused;
    ///     must not block.
    public func appendProven(
        _ entry: NewEntry, since trusted: EntryIndex?, for caller: some Caller,
        completion: @escaping @Sendable (Result<EntryProof, ProvenAppendError>) -> Void
    ) {
        let since: TreeSize
        do throws(StoreError) {
            try entry.validate()
            since = try database.snapshot.treeSize(endingAt: trusted)
        } catch {
            return completion(.failure(.refused(error)))
        }
        append([entry], for: caller) { [proofs] result in
            switch result {
            case .success(let appended):
                proofs.run {
                    completion(
                        Result { () throws(StoreError) in
                            try appended.snapshot.proof(of: appended.last, since: since)
                        }.mapError { .storedUnproven(at: appended.last, $0) })
                }
            case .failure(let error):
                completion(.failure(.notAppended(error)))
            }
        }
    }
}

extension Snapshot {
    /// Returns the size of the tree that a caller trusts.
    ///
    /// - Parameter index: the last index of that tree. Nil means the tree of one entry, even if
    ///   this snapshot is still empty: by the time of the proof there is an entry.
    /// - Throws: `invalidRootIndex` if this snapshot does not have that entry.
    func treeSize(endingAt index: EntryIndex?) throws(StoreError) -> TreeSize {
        guard let index else { return TreeSize(1) }
        guard size.contains(index) else {
            throw StoreError(
                .invalidRootIndex,
                "a tree of \(size) entries has no beginning that ends at \(index)")
        }
        return TreeSize(lastIndex: index)
    }
}
