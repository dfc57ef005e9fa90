public import MerkleTree
public import StorageIO

/// A walk over the keys with a prefix, in byte order; sorted sets are not among them.
///
/// A value that knows where to continue: `KeyIndex.nextKeys(of:in:limit:skipping:)` advances it.
public struct KeyWalk: Sendable {
    fileprivate var records: RecordWalk
    /// Whether all keys were found.
    public var isAtEnd: Bool { records.isAtEnd }

    /// - Parameters:
    ///   - offset: the key after which to begin, in the direction of the walk; it need not exist,
    ///     nor have the prefix.
    ///   - reverse: from the last key to the first.
    public init(prefix: [UInt8], after offset: [UInt8]? = nil, reverse: Bool = false) {
        let table = [IndexRecord.newestTable]
        records = RecordWalk(
            prefix: table + prefix, after: offset.map { table + $0 }, reverse: reverse)
    }
}

/// A walk over the members of a sorted set, by score, then by member in byte order.
public struct MemberWalk: Sendable {
    fileprivate var records: RecordWalk
    /// Whether all members were found.
    public var isAtEnd: Bool { records.isAtEnd }

    /// - Parameters:
    ///   - offset: the score, not NaN, and the member after which to begin, in the direction of the
    ///     walk; they need not exist.
    ///   - reverse: from the last member to the first.
    public init(
        of set: [UInt8], after offset: (score: Double, member: [UInt8])? = nil,
        reverse: Bool = false
    ) {
        var prefix: [UInt8] = []
        IndexRecord.appendSetPrefix(of: set, to: &prefix)
        var start: [UInt8]?
        if let offset {
            var record = prefix
            let ordered = IndexRecord.orderedScore(offset.score.bitPattern)
            IndexRecord.appendBigEndian(ordered, to: &record)
            start = record + offset.member
        }
        records = RecordWalk(prefix: prefix, after: start, reverse: reverse)
    }
}

/// A key that a walk found, and the address of its newest version.
public struct FoundKey: Hashable, Sendable {
    public let key: [UInt8]
    public let address: RecordAddress
}

/// A member that a walk found, and the address of its first entry.
public struct FoundMember: Hashable, Sendable {
    /// The score; -0.0 is returned as 0.0.
    public let score: Double
    public let member: [UInt8]
    public let address: RecordAddress
}

extension KeyIndex {
    /// The most memory that the keys of a page take, except for the last one.
    private static let pageByteCount = 1 << 20

    /// Returns the next keys that have a version below `size`, each with the newest of these.
    ///
    /// - Parameters:
    ///   - limit: the most keys to return. There may be fewer although more follow: check `isAtEnd`.
    ///   - kind: keys whose newest version is of this kind are left out.
    /// - Throws: as `newest(of:in:)`; the walk has not moved then.
    /// - Complexity: one seek, then a step for each key, however many versions it has; a seek more
    ///   for a key whose newest version is beyond `size`.
    public func nextKeys(
        of walk: inout KeyWalk, in size: TreeSize, limit: Int, skipping kind: UInt8? = nil
    ) throws(StoreError) -> [FoundKey] {
        var found: [FoundKey] = []
        guard limit > 0 else { return found }
        var byteCount = 0
        try database.reading { () throws(StoreError) in
            var versions = SnapshotVersions(self, size)
            try walk.records.goOn(in: database) { record, value throws(StoreError) in
                let key = record[IndexRecord.keyStart...]
                if let address = try versions.newest(of: key, value), address.kind != kind {
                    found.append(FoundKey(key: Array(key), address: address))
                    byteCount += key.count
                }
                return found.count < limit && byteCount < Self.pageByteCount
            }
        }
        return found
    }

    /// Counts the keys of the walk's next page that have a version below `size`.
    ///
    /// - Complexity: as `nextKeys(of:in:limit:skipping:)`; a page is some thousand keys.
    public func countNextKeys(
        of walk: inout KeyWalk, in size: TreeSize
    ) throws(StoreError) -> Int {
        var count = 0
        try database.reading { () throws(StoreError) in
            var versions = SnapshotVersions(self, size)
            try walk.records.goOn(in: database, keepsBlocks: false) {
                record, value throws(StoreError) in
                let key = record[IndexRecord.keyStart...]
                if try versions.newest(of: key, value) != nil { count += 1 }
                return true
            }
        }
        return count
    }

    /// Returns the next members whose first entry is below `size`.
    ///
    /// - Parameter limit: the most members to return. There may be fewer although more follow: check `isAtEnd`.
    /// - Throws: as `newest(of:in:)`; the walk has not moved then.
    /// - Complexity: one seek, then a step for each member.
    public func nextMembers(
        of walk: inout MemberWalk, in size: TreeSize, limit: Int
    ) throws(StoreError) -> [FoundMember] {
        var found: [FoundMember] = []
        guard limit > 0 else { return found }
        var byteCount = 0
        let scoreStart = walk.records.prefix.count
        try database.reading { () throws(StoreError) in
            try walk.records.goOn(in: database) { record, value throws(StoreError) in
                let address = try database.address(value)
                guard record.count >= scoreStart + 8 else {
                    throw database.damaged("a member without a score, entry \(address.index)")
                }
                if size.contains(address.index) {
                    let ordered = record.loadUnaligned(
                        fromByteOffset: scoreStart, as: UInt64.self)
                    let score = IndexRecord.score(ordered: UInt64(bigEndian: ordered))
                    let member = Array(record[(scoreStart + 8)...])
                    found.append(FoundMember(score: score, member: member, address: address))
                    byteCount += member.count
                }
                return found.count < limit && byteCount < Self.pageByteCount
            }
        }
        return found
    }
}

/// Finds the newest version below a size of the keys of a walk.
private struct SnapshotVersions {
    private let index: KeyIndex
    private let size: TreeSize
    /// Created when the first older version is needed, and therefore after the walk's own cursor: see `KeyIndex+Read`.
    private var older: RecordCursor?

    init(_ index: KeyIndex, _ size: TreeSize) {
        self.index = index
        self.size = size
    }

    /// - Parameter value: the key's record in table 01.
    mutating func newest(
        of key: Slice<UnsafeRawBufferPointer>, _ value: UnsafeRawBufferPointer
    ) throws(StoreError) -> RecordAddress? {
        let address = try index.database.address(value)
        if size.contains(address.index) { return address }
        let cursor: RecordCursor
        if let older {
            cursor = older
        } else {
            cursor = try RecordCursor(index.database)
            older = cursor
        }
        return try index.older(
            than: EntryIndex(size.rawValue), of: Array(key), limit: 1, cursor
        ).first
    }
}
