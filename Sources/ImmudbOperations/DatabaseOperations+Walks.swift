public import ImmudbStore

// Walks return their entries page by page. Before each page they check whether the caller still
// waits.

extension DatabaseOperations {
    /// Reads the versions of a key, newest first, as many as the limit of an answer allows.
    ///
    /// - Parameter end: the index before which the versions must be, or nil for all.
    /// - Returns: whether there may be older versions that did not fit.
    /// - Throws: `invalidKey`, `callerHasGone`, the errors of `body`.
    public func versions(
        of key: [UInt8], before end: EntryIndex? = nil, for caller: some Caller,
        page body: ([Entry]) throws -> Void
    ) throws -> Bool {
        var walk = try database.snapshot.versionWalk(of: key, before: end, room: answerRoom())
        while !walk.isAtEnd {
            try caller.requirePresence()
            try body(try walk.nextPage())
        }
        return walk.mayHaveMore
    }

    /// Reads the newest entries of the keys with a prefix, in their order, as many as `limit` and
    /// the limit of an answer allow.
    ///
    /// The parameters are those of `Snapshot.scan`.
    /// - Throws: `invalidPrefix`, `invalidOffset`, `callerHasGone`, the errors of `body`.
    public func scan(
        prefix: [UInt8], after offset: [UInt8], limit: Int, reverse: Bool, deep: Bool,
        for caller: some Caller, page body: ([Entry]) throws -> Void
    ) throws {
        try pages(
            of: try database.snapshot.keyScan(
                prefix: prefix, after: offset, reverse: reverse, deep: deep,
                room: answerRoom(limit: limit)),
            caller, body)
    }

    /// Reads the newest entries of the members of a sorted set, by score, as many as `limit` and
    /// the limit of an answer allow.
    ///
    /// The parameters are those of `Snapshot.members`.
    /// - Throws: `invalidSet`, `invalidOffset`, `callerHasGone`, the errors of `body`.
    public func members(
        of set: [UInt8], after offset: [UInt8], limit: Int, reverse: Bool,
        for caller: some Caller, page body: ([Entry]) throws -> Void
    ) throws {
        try pages(
            of: try database.snapshot.memberScan(
                of: set, after: offset, reverse: reverse, room: answerRoom(limit: limit)),
            caller, body)
    }

    /// Reads `count` entries starting at an index, in insertion order; fewer at the end.
    ///
    /// - Returns: whether more entries follow.
    /// - Throws: `indexNotFound` for a first index beyond the end; `answerTooLarge`, since entries
    ///   that are left out would be on no other page; `callerHasGone`; the errors of `body`.
    public func entries(
        from first: EntryIndex, count: UInt64, for caller: some Caller,
        page body: ([Entry]) throws -> Void
    ) throws -> Bool {
        let snapshot = database.snapshot
        guard snapshot.size.contains(first) else { throw snapshot.noEntry(at: first) }
        let rest = snapshot.size.rawValue - first.rawValue
        let count = Int(clamping: min(count, rest))
        var seenCount = 0
        try pages(of: snapshot.indexWalk(from: first, room: answerRoom(limit: count)), caller) {
            seenCount += $0.count
            try body($0)
        }
        guard seenCount == count else {
            throw OperationError.answerTooLarge(byteLimit: answerLimit.byteCount)
        }
        return count < rest
    }

    /// Counts the different keys with a prefix.
    ///
    /// - Throws: `invalidPrefix`, also for an empty one; `callerHasGone`.
    public func count(prefix: [UInt8], for caller: some Caller) throws -> UInt64 {
        guard !prefix.isEmpty else {
            throw StoreError(.invalidPrefix, "a prefix of at least one byte is needed")
        }
        let count = try database.snapshot.count(prefix: prefix) { caller.hasGone }
        try caller.requirePresence()
        return count
    }

    /// Passes the entries of a walk to `body`, page by page, as long as the caller waits.
    func pages(
        of walk: some EntryWalk, _ caller: some Caller, _ body: ([Entry]) throws -> Void
    ) throws {
        var walk = walk
        while !walk.isAtEnd {
            try caller.requirePresence()
            try body(try walk.nextPage())
        }
    }
}
