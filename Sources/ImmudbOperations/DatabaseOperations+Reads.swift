public import ImmudbStore

extension DatabaseOperations {
    /// Finds the newest entry of a key. For a reference, finds its target.
    ///
    /// - Throws: `invalidKey`, `keyNotFound`.
    public func get(_ key: [UInt8]) throws(StoreError) -> PendingRead {
        try located(key, in: database.snapshot, since: nil)
    }

    /// Finds the newest entry of a key, and its proof since the tree that the caller trusts. For a
    /// reference, entry and proof are those of its target.
    ///
    /// - Parameter trusted: the last index of that tree, or nil for the tree of one entry.
    /// - Throws: `invalidKey`, `invalidRootIndex`, `keyNotFound`; the first that applies.
    public func getProven(
        _ key: [UInt8], since trusted: EntryIndex?
    ) throws(StoreError) -> PendingRead {
        try Limits.validate(key: key)
        let snapshot = database.snapshot
        // An empty tree does not continue the tree of one entry, and has no entry to prove.
        let since = min(try snapshot.treeSize(endingAt: trusted), snapshot.size)
        return try located(key, in: snapshot, since: since)
    }

    private func located(
        _ key: [UInt8], in snapshot: Snapshot, since: TreeSize?
    ) throws(StoreError) -> PendingRead {
        guard let location = try snapshot.locate(key) else {
            throw StoreError(.keyNotFound, "the key was never written")
        }
        return PendingRead(snapshot: snapshot, location: location, since: since)
    }

    /// Finds the entry at an index, as it was appended.
    ///
    /// - Throws: `indexNotFound`.
    public func entry(at index: EntryIndex) throws(StoreError) -> PendingRead {
        let snapshot = database.snapshot
        return PendingRead(
            snapshot: snapshot, location: try snapshot.locate(at: index), since: nil)
    }

    /// Reads the newest entries of many keys, in the order of the keys. Skips keys that were never
    /// written.
    ///
    /// - Parameter page: receives the entries page by page. Its error ends the operation.
    /// - Throws: `invalidKey`, before anything is read; `answerTooLarge`, since a part of the
    ///   entries would look as if the other keys had none; `callerHasGone`.
    public func get(
        many keys: some Collection<[UInt8]>, for caller: some Caller,
        page body: ([Entry]) throws -> Void
    ) throws {
        for key in keys { try Limits.validate(key: key) }
        let snapshot = database.snapshot
        var room = answerRoom()
        var page: [Entry] = []
        var pageByteCount = 0
        for key in keys {
            try caller.requirePresence()
            guard let entry = try snapshot.get(key) else { continue }
            guard room.take(entry) else {
                throw OperationError.answerTooLarge(byteLimit: answerLimit.byteCount)
            }
            page.append(entry)
            pageByteCount += entry.key.count + entry.value.count
            if page.count == Self.pageEntryCount || pageByteCount > Self.pageByteCount {
                try body(page)
                page = []
                pageByteCount = 0
            }
        }
        try body(page)
    }

    private static let pageEntryCount = 256
    private static let pageByteCount = 1 << 20
}
