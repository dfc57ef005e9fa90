public import ImmudbStore

extension DatabaseOperations {
    /// Appends entries, all or none. Drops them if the caller has gone when it is their turn.
    ///
    /// - Parameter completion: as of `Database.append`: it runs on a thread of the database once the
    ///   entries are durable and visible, and must not block.
    public func append(
        _ entries: [NewEntry], for caller: some Caller,
        completion: @escaping @Sendable (Result<Appended, StoreError>) -> Void
    ) {
        // A caller is two sources, since its operations have no order: its batches do not hold up its
        // single writes.
        let source = 2 * caller.lane + (entries.count > 1 ? 1 : 0)
        database.append(
            entries, source: source, isCancelled: { caller.hasGone }, completion: completion)
    }

    /// Appends one entry, and proves that it is in a tree that continues the one that the caller trusts.
    ///
    /// Everything is checked before anything is written: a call that is refused leaves no entry.
    ///
    /// - Parameters:
    ///   - trusted: the last index of the tree that the caller trusts; nil for the tree of one entry.
    ///   - completion: runs on the thread for proofs, or on the caller's if the entry is refused; must not
    ///     block.
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
    /// The size of the tree that a caller says it trusts.
    ///
    /// - Parameter index: its last index. Nil is the tree of one entry, which may be larger than this one:
    ///   what is proven since then is proven when there is an entry.
    /// - Throws: `invalidRootIndex` if this snapshot has no such entry.
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
