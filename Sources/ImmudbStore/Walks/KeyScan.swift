import ImmudbModel
import KeyIndex
import StorageIO

/// A scan in progress: some of its pages are read, and it knows where to continue.
///
/// Made by ``Snapshot/keyScan(prefix:after:reverse:deep:room:)``.
public struct KeyScan: CollectableWalk {
    /// The most keys that are looked up at once.
    private static let lookUpCount = 1000

    private let snapshot: Snapshot
    private let isDeep: Bool
    /// False for a prefix that is longer than any key.
    private let hasKeys: Bool
    private var walk: KeyWalk
    private var room: AnswerRoom
    /// Keys that were looked up, the last one first.
    private var found: [FoundKey] = []

    public var isAtEnd: Bool { !hasKeys || room.isFull || (found.isEmpty && walk.isAtEnd) }

    init(
        _ snapshot: Snapshot, prefix: [UInt8], after offset: [UInt8]?, room: AnswerRoom,
        reverse: Bool, deep: Bool
    ) throws(StoreError) {
        try Limits.validate(prefix: prefix)
        if let offset { try Limits.validate(offset: offset) }
        self.snapshot = snapshot
        self.room = room
        isDeep = deep
        hasKeys = prefix.count <= Limits.keyByteCount
        // Compares with every key like the whole offset, since no key is that long.
        let start = offset.map { Array($0.prefix(Limits.keyByteCount + 1)) }
        walk = KeyWalk(
            prefix: prefix, after: start?.isEmpty == true ? nil : start, reverse: reverse)
    }

    public mutating func nextPage() throws(StoreError) -> [Entry] { try onePage() }

    mutating func read(into page: inout EntryPage) throws(StoreError) {
        guard !isAtEnd else { return }
        try snapshot.storage.requireOpen()
        if found.isEmpty {
            found = try nextKeys()
            found.reverse()
        }
        while page.hasRoom, let key = found.popLast() {
            var entry: Entry? = try snapshot.checkedEntry(at: key.address, key: key.key)
            if let name = entry, name.kind == .reference { entry = try snapshot.newest(name.value) }
            page.note(read: entry)
            // Nil for a reference whose target was never written.
            guard let entry else { continue }
            guard room.take(entry) else { break }
            page.append(entry)
        }
    }

    private mutating func nextKeys() throws(StoreError) -> [FoundKey] {
        let limit = min(room.entryCount, Self.lookUpCount)
        let skipped = isDeep ? nil : EntryKind.reference.rawValue
        return try snapshot.storage.withIndex(for: snapshot.size) { index throws(StoreError) in
            try index.nextKeys(of: &walk, in: snapshot.size, limit: limit, skipping: skipped)
        }
    }
}
