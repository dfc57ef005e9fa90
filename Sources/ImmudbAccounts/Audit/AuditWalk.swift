public import ImmudbStore

/// Selects audit entries.
public struct AuditFilter: Hashable, Sendable {
    /// The earliest and the latest time, in microseconds since 1970.
    public var since: Int64?
    public var until: Int64?
    /// The user who acted, or whom the act affects.
    public var user: String?
    public var action: AuditEntry.Action?
    /// The maximum number of entries.
    public var limit = Int.max
    public var newestFirst = false

    public init() {}

    func takes(_ entry: AuditEntry) -> Bool {
        (user == nil || entry.by == user || entry.user == user)
            && (action == nil || entry.action == action)
            && entry.time >= since ?? .min && entry.time <= until ?? .max
    }
}

/// The audit entries of one snapshot, page by page.
public struct AuditWalk: Sendable {
    /// An entry, and its index in the system's database.
    public struct Item: Sendable {
        public let index: EntryIndex
        public let entry: AuditEntry
    }

    private let filter: AuditFilter
    private var scan: KeyScan
    private var left: Int
    public private(set) var isAtEnd: Bool

    init(_ snapshot: Snapshot, _ filter: AuditFilter) throws(StoreError) {
        self.filter = filter
        left = filter.limit
        isAtEnd = filter.limit <= 0
        let start =
            filter.newestFirst
            ? filter.until.map { AuditEntry.key(at: $0 < .max ? $0 + 1 : $0) }
            : filter.since.map(AuditEntry.key)
        scan = try snapshot.keyScan(
            prefix: AuditEntry.keyPrefix, after: start, reverse: filter.newestFirst,
            room: AnswerRoom(byteLimit: .max))
    }

    /// Returns the next entries, a few hundred at most. A page may be empty before the end.
    public mutating func nextPage() throws(StoreError) -> [Item] {
        guard !isAtEnd else { return [] }
        var items: [Item] = []
        for stored in try scan.nextPage() {
            let entry = try AuditEntry(stored)
            if isBeyond(entry) {
                isAtEnd = true
                return items
            }
            guard filter.takes(entry) else { continue }
            items.append(Item(index: stored.index, entry: entry))
            left -= 1
            if left == 0 {
                isAtEnd = true
                return items
            }
        }
        isAtEnd = scan.isAtEnd
        return items
    }

    /// Whether this entry and all that follow are outside the range of times.
    private func isBeyond(_ entry: AuditEntry) -> Bool {
        filter.newestFirst
            ? entry.time < filter.since ?? .min : entry.time > filter.until ?? .max
    }
}
