import ImmudbModel
import KeyIndex
public import MerkleTree
import StorageIO

/// A member of a sorted set, with the entry that it names.
public struct SortedSetMember: Hashable, Sendable {
    /// The score; -0.0 is returned as 0.0.
    public let score: Double
    public let member: [UInt8]
    /// The first entry that put the member into the set with this score.
    public let setEntryIndex: EntryIndex
    /// The newest entry of the key that the member names. A reference is not followed.
    public let entry: Entry

    public init(score: Double, member: [UInt8], setEntryIndex: EntryIndex, entry: Entry) {
        self.score = score
        self.member = member
        self.setEntryIndex = setEntryIndex
        self.entry = entry
    }
}

/// A walk over a sorted set, like ``KeyScan``.
///
/// Made by ``Snapshot/memberScan(of:after:reverse:room:)``.
public struct MemberScan: EntryWalk {
    private static let lookUpCount = 1000

    private let snapshot: Snapshot
    private var walk: MemberWalk
    private var room: AnswerRoom
    /// False for a name that is longer than any key.
    private let hasMembers: Bool
    /// Members that were looked up, the last one first.
    private var found: [FoundMember] = []

    public var isAtEnd: Bool { !hasMembers || room.isFull || (found.isEmpty && walk.isAtEnd) }

    init(
        _ snapshot: Snapshot, set: [UInt8], after offset: [UInt8]?, room: AnswerRoom, reverse: Bool
    ) throws(StoreError) {
        try Limits.validate(set: set)
        self.snapshot = snapshot
        self.room = room
        hasMembers = set.count <= Limits.keyByteCount
        var start: (score: Double, member: [UInt8])?
        if let offset, !offset.isEmpty {
            guard offset.count <= Limits.keyByteCount + 8,
                let key = SortedSetKey(offset: offset, set: set)
            else {
                throw Limits.invalidOffset
            }
            start = (key.score, key.member)
        }
        walk = MemberWalk(of: set, after: start, reverse: reverse)
    }

    /// Returns the entries of the next members.
    public mutating func nextPage() throws(StoreError) -> [Entry] {
        try nextMembers().map(\.entry)
    }

    /// Returns the next members; there may be none although the walk has not ended.
    public mutating func nextMembers() throws(StoreError) -> [SortedSetMember] {
        guard !isAtEnd else { return [] }
        try snapshot.storage.requireOpen()
        if found.isEmpty {
            found = try lookUp()
            found.reverse()
        }
        var page = EntryPage()
        var members: [SortedSetMember] = []
        while page.hasRoom, let member = found.popLast() {
            let entry = try snapshot.newest(member.member)
            page.note(read: entry)
            guard let entry else { continue }
            guard room.take(entry) else { break }
            members.append(
                SortedSetMember(
                    score: member.score, member: member.member,
                    setEntryIndex: member.address.index, entry: entry))
        }
        return members
    }

    private mutating func lookUp() throws(StoreError) -> [FoundMember] {
        let limit = min(room.entryCount, Self.lookUpCount)
        return try snapshot.storage.withIndex(for: snapshot.size) { index throws(StoreError) in
            try index.nextMembers(of: &walk, in: snapshot.size, limit: limit)
        }
    }
}
