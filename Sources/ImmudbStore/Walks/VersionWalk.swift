import KeyIndex
import MerkleTree
public import StorageIO

/// A walk over the versions of a key, newest first.
///
/// See ``Snapshot/versionWalk(of:before:room:)``.
public struct VersionWalk: EntryWalk {
    private let snapshot: Snapshot
    private let key: [UInt8]
    private var end: EntryIndex?
    private var room: AnswerRoom
    private var isExhausted: Bool

    public var isAtEnd: Bool { room.isFull || isExhausted }

    init(
        _ snapshot: Snapshot, of key: [UInt8], before end: EntryIndex?, room: AnswerRoom
    ) throws(StoreError) {
        try Limits.validate(key: key)
        self.snapshot = snapshot
        self.key = key
        self.end = end
        self.room = room
        isExhausted = key.count > Limits.keyByteCount
    }

    public mutating func nextPage() throws(StoreError) -> [Entry] {
        guard !isAtEnd else { return [] }
        let storage = snapshot.storage
        let size = snapshot.size
        try storage.requireOpen()
        let count = min(room.entryCount, EntryPage.entryCount)
        let places = try storage.withIndex(for: size) { index throws(StoreError) in
            try index.versions(of: key, in: size, limit: count, before: end)
        }
        isExhausted = places.count < count
        var page = EntryPage()
        for place in places {
            guard page.hasRoom else {
                isExhausted = false
                break
            }
            let entry = try snapshot.checkedEntry(at: place, key: key)
            page.note(read: entry)
            guard room.take(entry) else { break }
            page.append(entry)
            end = entry.index
        }
        return page.entries
    }
}
