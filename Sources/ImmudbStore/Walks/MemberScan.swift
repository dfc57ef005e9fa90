import KeyIndex
public import MerkleTree
import StorageIO

/// A member of a sorted set, with the entry that it names.
public struct SortedSetMember: Hashable, Sendable {
    /// -0.0 comes as 0.0.
    public let score: Double
    public let member: [UInt8]
    /// The entry that put the member into the set with this score, the first one.
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

/// A walk over a sorted set on its way, as ``KeyScan``.
struct MemberScan: Sendable {
    private static let pageEntryCount = 1000

    private let snapshot: Snapshot
    private var walk: MemberWalk
    private var room: AnswerRoom

    var isAtEnd: Bool { room.isFull || walk.isAtEnd }

    init(
        _ snapshot: Snapshot, set: [UInt8], after offset: [UInt8]?, room: AnswerRoom, reverse: Bool
    ) throws(StoreError) {
        try Limits.validate(set: set)
        self.snapshot = snapshot
        self.room = room
        var start: (score: Double, member: [UInt8])?
        if let offset, !offset.isEmpty {
            guard let key = SortedSetKey(offset: offset, set: set) else {
                throw Limits.invalidOffset
            }
            start = (key.score, key.member)
        }
        walk = MemberWalk(of: set, after: start, reverse: reverse)
    }

    /// The next members; there may be none although the walk is not at its end.
    mutating func nextPage() throws(StoreError) -> [SortedSetMember] {
        try snapshot.storage.requireOpen()
        let limit = min(room.entryCount, Self.pageEntryCount)
        let found = try snapshot.storage.withIndex(for: snapshot.size) { index throws(StoreError) in
            try index.nextMembers(of: &walk, in: snapshot.size, limit: limit)
        }
        var members: [SortedSetMember] = []
        members.reserveCapacity(found.count)
        for member in found {
            guard let entry = try snapshot.newest(member.member) else { continue }
            guard room.take(entry) else { break }
            members.append(
                SortedSetMember(
                    score: member.score, member: member.member,
                    setEntryIndex: member.place.index, entry: entry))
        }
        return members
    }
}
