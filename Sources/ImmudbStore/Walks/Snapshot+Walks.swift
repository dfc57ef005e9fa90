import ImmudbModel
import KeyIndex
public import MerkleTree
public import StorageIO

// Walks over keys, over sorted sets and over all entries. Each reads page by page and holds neither
// a lock nor a file of the key index between pages, so that it delays no writing or closing,
// however long it takes; `KeyIndex+Read.swift` explains why its pages show one state.

extension Snapshot {
    /// Returns the newest entries of the keys with a prefix, in unsigned byte order.
    ///
    /// Members of sorted sets are not among them. A reference is left out, and does not count for the limits; with
    /// `deep` its target's newest entry takes its place, one level deep, under the target's key and perhaps several
    /// times. (So the last entry of a deep scan does not tell after which key to continue.)
    ///
    /// - Parameters:
    ///   - prefix: the beginning of the keys; empty for all keys.
    ///   - offset: the key after which to begin, in the direction of the scan; it need not exist,
    ///     nor have the prefix. Nil or empty: from the first key, with `reverse` from the last.
    ///   - limit: the most entries to return.
    ///   - reverse: from the last key to the first.
    ///   - deep: whether references are followed.
    ///   - byteLimit: the most bytes of keys and values to return. The first entry is returned in any case, so a
    ///     scan that continues after the last returned key reaches the end.
    /// - Throws: `invalidPrefix`, `invalidOffset`: no key begins with a zero byte.
    /// - Complexity: one seek in the key index; a step and two reads for each entry, a step for each reference that is
    ///   left out. The number of keys and versions does not matter. On an old snapshot a seek more for each key that
    ///   was written since.
    public func scan(
        prefix: [UInt8] = [], after offset: [UInt8]? = nil, limit: Int = .max,
        reverse: Bool = false, deep: Bool = false, byteLimit: Int = .max
    ) throws(StoreError) -> [Entry] {
        var scan = try keyScan(
            prefix: prefix, after: offset, reverse: reverse, deep: deep,
            room: AnswerRoom(limit: limit, byteLimit: byteLimit))
        return try scan.all()
    }

    /// Makes the walk of ``scan(prefix:after:limit:reverse:deep:byteLimit:)-([UInt8],_,_,_,_,_)``, to be read page by
    /// page.
    public func keyScan(
        prefix: [UInt8] = [], after offset: [UInt8]? = nil, reverse: Bool = false,
        deep: Bool = false, room: AnswerRoom
    ) throws(StoreError) -> KeyScan {
        try KeyScan(self, prefix: prefix, after: offset, room: room, reverse: reverse, deep: deep)
    }

    /// Returns how many different keys have a prefix; references are keys, members of sorted sets are not.
    ///
    /// - Parameters:
    ///   - prefix: empty for all keys.
    ///   - isCancelled: called every few thousand keys. Once it returns true, the number counted so far
    ///     is returned.
    /// - Throws: `invalidPrefix`: no key begins with a zero byte.
    /// - Complexity: a step in the key index for each key, no read of the ledger. The index keeps no totals, since they
    ///   would cost each write, and each snapshot has its own.
    public func count(
        prefix: [UInt8], isCancelled: () -> Bool = { false }
    ) throws(StoreError) -> UInt64 {
        try Limits.validate(prefix: prefix)
        guard prefix.count <= Limits.keyByteCount else { return 0 }
        var walk = KeyWalk(prefix: prefix)
        var count: UInt64 = 0
        while !walk.isAtEnd, !isCancelled() { count += try countNextKeys(of: &walk) }
        return count
    }

    /// Returns the members of a sorted set by score, then by member in byte order, each with the newest entry of the
    /// key that it names.
    ///
    /// A member that was added with two scores is returned twice; one added twice with the same score once. A set to
    /// which nothing was added is empty.
    ///
    /// - Parameters:
    ///   - set: the name of the set.
    ///   - offset: the bytes of the `SortedSetKey` after which to begin, in the direction of the
    ///     walk; it need not exist. Nil or empty: from the lowest score, with `reverse` from the
    ///     highest.
    ///   - limit: the most members to return.
    ///   - reverse: from the highest score to the lowest, and the members of a score backwards.
    ///   - byteLimit: as for ``scan(prefix:after:limit:reverse:deep:byteLimit:)-([UInt8],_,_,_,_,_)``, counting the
    ///     members' entries.
    /// - Throws: `invalidSet`; `invalidOffset` for bytes that are not a key of this set.
    /// - Complexity: one seek in the key index; a step, a look-up and two reads for each member.
    public func members(
        of set: [UInt8], after offset: [UInt8]? = nil, limit: Int = .max, reverse: Bool = false,
        byteLimit: Int = .max
    ) throws(StoreError) -> [SortedSetMember] {
        var scan = try memberScan(
            of: set, after: offset, reverse: reverse,
            room: AnswerRoom(limit: limit, byteLimit: byteLimit))
        var members: [SortedSetMember] = []
        while !scan.isAtEnd { members += try scan.nextMembers() }
        return members
    }

    /// Makes the walk of ``members(of:after:limit:reverse:byteLimit:)-([UInt8],_,_,_,_)``, to be read page by page.
    public func memberScan(
        of set: [UInt8], after offset: [UInt8]? = nil, reverse: Bool = false, room: AnswerRoom
    ) throws(StoreError) -> MemberScan {
        try MemberScan(self, set: set, after: offset, room: room, reverse: reverse)
    }

    /// Returns the entries from an index on, in insertion order, as they were appended, including references and
    /// members of sorted sets.
    ///
    /// - Parameters:
    ///   - first: the index to begin with.
    ///   - limit: the most entries to return.
    ///   - byteLimit: as for ``scan(prefix:after:limit:reverse:deep:byteLimit:)-([UInt8],_,_,_,_,_)``.
    /// - Returns: an empty array if `first` is beyond the snapshot.
    /// - Complexity: one read for each entry, and two for each thousand.
    public func entries(
        from first: EntryIndex, limit: Int, byteLimit: Int = .max
    ) throws(StoreError) -> [Entry] {
        var walk = indexWalk(from: first, room: AnswerRoom(limit: limit, byteLimit: byteLimit))
        return try walk.all()
    }

    /// Makes the walk of ``entries(from:limit:byteLimit:)``, to be read page by page.
    public func indexWalk(from first: EntryIndex, room: AnswerRoom) -> IndexWalk {
        IndexWalk(self, from: first, room: room)
    }

    /// Makes the walk of ``history(of:limit:before:byteLimit:)-([UInt8],_,_,_)``, to be read page by page.
    /// - Throws: `invalidKey`.
    public func versionWalk(
        of key: [UInt8], before: EntryIndex? = nil, room: AnswerRoom
    ) throws(StoreError) -> VersionWalk {
        try VersionWalk(self, of: key, before: before, room: room)
    }

    /// Counts one page of ``count(prefix:isCancelled:)``.
    func countNextKeys(of walk: inout KeyWalk) throws(StoreError) -> UInt64 {
        try storage.requireOpen()
        let count = try storage.withIndex(for: size) { index throws(StoreError) in
            try index.countNextKeys(of: &walk, in: size)
        }
        return UInt64(count)
    }
}
