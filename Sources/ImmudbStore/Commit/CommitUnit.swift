import KeyIndex
public import MerkleTree
import StorageIO

/// The entries that one caller wants appended: next to each other, or not at all.
///
/// A class, since it is passed on many times: each copy of a value would retain three objects.
final class CommitUnit: Sendable {
    let entries: [NewEntry]
    /// The size of all keys and values.
    let byteCount: Int
    let completion: @Sendable (Result<Appended, StoreError>) -> Void

    /// The source of the unit, for taking turns; see ``CommitQueue``.
    let source: Int
    /// Returns whether nobody wants the unit written any more.
    let isCancelled: @Sendable () -> Bool

    /// The memory that the unit takes while it waits: its bytes, and two array heads and a slot for each entry.
    var weight: Int { byteCount + 96 * entries.count }

    /// The time that writing it takes, in bytes: an entry takes as long as a kibibyte.
    var cost: Int { byteCount + entries.count << 10 }

    /// - Parameter byteCount: the size of all keys and values; nil: it is counted.
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
    /// The tree after the last entry.
    let tree: MerkleAccumulator
    /// The edge of `tree`.
    let edge: TreeEdge

    init(_ units: [CommitUnit], _ plan: CommitPlan) {
        self.units = units
        first = EntryIndex(plan.before.rawValue)
        keys = plan.keys
        tree = plan.tree
        edge = plan.edge
    }

    /// The cost of all units, see ``CommitUnit/cost``.
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

/// The result of an append: its indexes, and a snapshot that holds them.
public struct Appended: Sendable {
    public let first: EntryIndex
    public let last: EntryIndex
    public let snapshot: Snapshot
}
