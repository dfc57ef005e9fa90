import KeyIndex
import StorageIO

/// A scan on its way: some pages of it are read, and what comes next is known. So a scan of many
/// pages can give its thread to others in between.
struct KeyScan: Sendable {
    /// The most entries of one page: some milliseconds.
    private static let pageEntryCount = 1000

    private let snapshot: Snapshot
    private let isDeep: Bool
    private var walk: KeyWalk
    private var room: AnswerRoom

    var isAtEnd: Bool { room.isFull || walk.isAtEnd }

    init(
        _ snapshot: Snapshot, prefix: [UInt8], after offset: [UInt8]?, room: AnswerRoom,
        reverse: Bool, deep: Bool
    ) throws(StoreError) {
        try Limits.validate(prefix: prefix)
        if let offset { try Limits.validate(offset: offset) }
        self.snapshot = snapshot
        self.room = room
        isDeep = deep
        walk = KeyWalk(
            prefix: prefix, after: offset?.isEmpty == true ? nil : offset, reverse: reverse)
    }

    /// The next entries; there may be none although the scan is not at its end.
    mutating func nextPage() throws(StoreError) -> [Entry] {
        try snapshot.storage.requireOpen()
        let limit = min(room.entryCount, Self.pageEntryCount)
        let skipped = isDeep ? nil : EntryKind.reference.rawValue
        let found = try snapshot.storage.withIndex(for: snapshot.size) { index throws(StoreError) in
            try index.nextKeys(of: &walk, in: snapshot.size, limit: limit, skipping: skipped)
        }
        var entries: [Entry] = []
        entries.reserveCapacity(found.count)
        for key in found {
            var entry: Entry? = try snapshot.checkedEntry(at: key.place, key: key.key)
            if let name = entry, name.kind == .reference { entry = try snapshot.newest(name.value) }
            // Nil: a reference whose target was never written.
            guard let entry else { continue }
            guard room.take(entry) else { break }
            entries.append(entry)
        }
        return entries
    }
}
