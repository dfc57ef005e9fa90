import KeyIndex
public import MerkleTree
import StorageIO

/// What one caller wants appended: entries that land next to each other, or not at all.
///
/// A class, since it passes through many hands: each copy of a value would retain three objects.
final class CommitUnit: Sendable {
    let entries: [NewEntry]
    /// Of all keys and values.
    let byteCount: Int
    let completion: @Sendable (Result<Appended, StoreError>) -> Void

    /// Whose turn it is, see ``CommitQueue``.
    let source: Int
    /// Whether nobody wants it written any more.
    let isCancelled: @Sendable () -> Bool

    /// What the unit takes in memory while it waits: its bytes, and two array heads and a slot for
    /// each entry.
    var weight: Int { byteCount + 96 * entries.count }

    /// The time that it takes to write, in bytes: an entry takes as long as a kibibyte.
    var cost: Int { byteCount + entries.count << 10 }

    /// - Parameter byteCount: of all keys and values; nil: to be counted.
    init(
        entries: [NewEntry], byteCount: Int? = nil, source: Int = 0,
        isCancelled: @escaping @Sendable () -> Bool = { false },
        completion: @escaping @Sendable (Result<Appended, StoreError>) -> Void
    ) {
        self.entries = entries
        self.source = source
        self.isCancelled = isCancelled
        self.completion = completion
        self.byteCount = byteCount ?? Self.byteCount(of: entries)
    }

    static func byteCount(of entries: [NewEntry]) -> Int {
        entries.reduce(0) { $0 + $1.key.count + $1.value.count }
    }
}

/// The units of one frame, once they are durable.
struct CommitGroup: Sendable {
    let units: [CommitUnit]
    let first: EntryIndex
    let keys: [IndexedKey]
    /// After the last entry.
    let tree: MerkleAccumulator
    /// Of `tree`.
    let edge: TreeEdge

    init(_ units: [CommitUnit], _ plan: CommitPlan) {
        self.units = units
        first = EntryIndex(plan.before.rawValue)
        keys = plan.keys
        tree = plan.tree
        edge = plan.edge
    }

    /// See ``CommitUnit/cost``.
    var cost: Int { units.reduce(0) { $0 + $1.cost } }

    func succeed(_ snapshot: Snapshot) {
        var next = first.rawValue
        for unit in units {
            let last = next + UInt64(unit.entries.count) - 1
            unit.completion(
                .success(
                    Appended(first: EntryIndex(next), last: EntryIndex(last), snapshot: snapshot)))
            next = last + 1
        }
    }
}

/// What became of an append: its indexes, and a snapshot that holds them.
public struct Appended: Sendable {
    public let first: EntryIndex
    public let last: EntryIndex
    public let snapshot: Snapshot
}
