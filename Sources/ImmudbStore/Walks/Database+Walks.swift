import KeyIndex
public import MerkleTree
public import StorageIO

// The walks for tasks: on the newest snapshot when they begin, on threads of the database, which are free for others
// between two pages.

extension Database {
    /// Returns the newest entries of the keys with a prefix. See
    /// ``Snapshot/scan(prefix:after:limit:reverse:deep:byteLimit:)-([UInt8],_,_,_,_,_)``.
    public func scan(
        prefix: [UInt8] = [], after offset: [UInt8]? = nil, limit: Int = .max,
        reverse: Bool = false, deep: Bool = false, byteLimit: Int = .max
    ) async throws(StoreError) -> [Entry] {
        var scan = try KeyScan(
            snapshot, prefix: prefix, after: offset,
            room: AnswerRoom(limit: limit, byteLimit: byteLimit), reverse: reverse, deep: deep)
        var entries: [Entry] = []
        while !scan.isAtEnd {
            let before = scan
            let page = try await readers.run { () throws(StoreError) in
                var scan = before
                return (entries: try scan.nextPage(), scan: scan)
            }
            entries += page.entries
            scan = page.scan
        }
        return entries
    }

    /// Returns how many different keys have a prefix. See ``Snapshot/count(prefix:isCancelled:)``.
    ///
    /// - Returns: the number counted so far if the task is cancelled.
    public func count(prefix: [UInt8]) async throws(StoreError) -> UInt64 {
        try Limits.validate(prefix: prefix)
        let snapshot = snapshot
        var walk = KeyWalk(prefix: prefix)
        var count: UInt64 = 0
        while !walk.isAtEnd, !Task.isCancelled {
            let before = walk
            let page = try await readers.run { () throws(StoreError) in
                var walk = before
                return (count: try snapshot.countNextKeys(of: &walk), walk: walk)
            }
            count += page.count
            walk = page.walk
        }
        return count
    }

    /// Returns the members of a sorted set, in order. See
    /// ``Snapshot/members(of:after:limit:reverse:byteLimit:)-([UInt8],_,_,_,_)``.
    public func members(
        of set: [UInt8], after offset: [UInt8]? = nil, limit: Int = .max, reverse: Bool = false,
        byteLimit: Int = .max
    ) async throws(StoreError) -> [SortedSetMember] {
        var scan = try MemberScan(
            snapshot, set: set, after: offset,
            room: AnswerRoom(limit: limit, byteLimit: byteLimit), reverse: reverse)
        var members: [SortedSetMember] = []
        while !scan.isAtEnd {
            let before = scan
            let page = try await readers.run { () throws(StoreError) in
                var scan = before
                return (members: try scan.nextMembers(), scan: scan)
            }
            members += page.members
            scan = page.scan
        }
        return members
    }

    /// Returns some entries from an index on, in insertion order. See ``Snapshot/entries(from:limit:byteLimit:)``.
    ///
    /// Reads them all at once: ask for a few thousand at a time, or use ``entries(from:)``.
    public func entries(
        from first: EntryIndex, limit: Int, byteLimit: Int = .max
    ) async throws(StoreError) -> [Entry] {
        let snapshot = snapshot
        return try await readers.run { () throws(StoreError) in
            try snapshot.entries(from: first, limit: limit, byteLimit: byteLimit)
        }
    }

    /// Returns all entries of the newest snapshot, from an index on, in insertion order, as they were appended.
    ///
    /// ```swift
    /// for try await entry in database.entries() { print(entry.index, entry.key.count) }
    /// ```
    ///
    /// The sequence does not contain entries that are appended meanwhile. It reads a page at a time, about a mebibyte.
    /// It retains the database, which stays open unless it is closed; then the iteration throws `closed`.
    public func entries(from first: EntryIndex = EntryIndex(0)) -> EntrySequence<StoreError> {
        let snapshot = snapshot
        return EntrySequence { last throws(StoreError) in
            let next = last.map { EntryIndex($0.index.rawValue + 1) } ?? first
            return try await self.readers.run { () throws(StoreError) in
                try snapshot.entries(from: next, limit: 1000, byteLimit: 1 << 20)
            }
        }
    }
}
