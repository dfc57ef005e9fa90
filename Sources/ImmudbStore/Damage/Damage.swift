public import ImmudbModel
public import MerkleTree
import StorageIO
import Synchronization

/// Damage of stored entries: its kind, and its place.
public struct Damage: Sendable {
    /// `corruption` for an accident, such as a bad disk: bytes fail their checksum. `tampered` if the bytes are intact and
    /// differ from the tree: somebody changed them. The message names the file, the byte and the entry.
    public let error: StoreError
    /// The entries that are damaged. If it is only known that some of them are: all that come into question.
    public let entries: ClosedRange<EntryIndex>

    /// Whether somebody changed the entries: an accident would not have mended the checksums.
    public var isTampering: Bool { error.code == .tampered }
}

extension Database {
    /// The damage that was found since the database was opened.
    public struct DamageReport: Sendable {
        /// The damage that was found first.
        public let first: Damage
        /// How many places of damage are known, at most 10,000: an entry each, or a range of which one is damaged.
        public let placeCount: Int
    }

    /// The damage that reads, repairs and the self-check have found; nil if there is none.
    ///
    /// Costs one atomic load while there is none.
    public var damage: DamageReport? { storage.damage.report }
}

/// The damage that is known of an open database.
final class DamageRegister: Sendable {
    private struct State {
        var first: Damage?
        var ranges: Set<ClosedRange<EntryIndex>> = []
    }

    /// Some 300 KiB.
    private static let rangeLimit = 10_000
    private static let lineLimit = 200

    private let isFound = Atomic(false)
    private let state = Mutex(State())
    private let log: LogSink

    init(log: @escaping LogSink) { self.log = log }

    /// Adds damage, and logs it if it was not known.
    func note(_ damage: Damage) {
        let number: Int? = state.withLock { state in
            state.first = state.first ?? damage
            guard state.ranges.count < Self.rangeLimit,
                state.ranges.insert(damage.entries).inserted
            else { return nil }
            return state.ranges.count
        }
        isFound.store(true, ordering: .releasing)
        guard let number, number <= Self.lineLimit else { return }
        let kind = damage.isTampering ? "tampering" : "damage"
        let rest =
            number == Self.lineLimit ? ". Further damage is counted, and not logged" : ""
        log(.error, "\(kind) found: \(damage.error)\(rest)")
    }

    var report: Database.DamageReport? {
        guard isFound.load(ordering: .acquiring) else { return nil }
        return state.withLock { state in
            state.first.map { .init(first: $0, placeCount: state.ranges.count) }
        }
    }

    /// How many ranges of damaged entries are known.
    var rangeCount: Int { report?.placeCount ?? 0 }

    /// Returns at most `limit` ranges of damaged entries.
    func someRanges(_ limit: Int) -> [ClosedRange<EntryIndex>] {
        guard isFound.load(ordering: .acquiring) else { return [] }
        return state.withLock { Array($0.ranges.prefix(limit)) }
    }

    /// Returns whether these entries were noted, as one place.
    func isNoted(_ entries: ClosedRange<EntryIndex>) -> Bool {
        guard isFound.load(ordering: .acquiring) else { return false }
        return state.withLock { $0.ranges.contains(entries) }
    }

    /// Returns whether damage is known of one of the entries.
    func concerns(_ entries: ClosedRange<EntryIndex>) -> Bool {
        guard isFound.load(ordering: .acquiring) else { return false }
        return state.withLock { $0.ranges.contains { $0.overlaps(entries) } }
    }
}
