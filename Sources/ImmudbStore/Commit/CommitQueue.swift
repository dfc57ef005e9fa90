import DequeModule
import POSIX

/// The units that wait for the committer, and the one place where it is decided whose come next.
///
/// A group takes what waits, up to a limit. When more waits, two rules keep a small write from waiting
/// for all that others have brought before it:
/// - Units are of three ranks by what they cost, and ranks take turns: a group is of one rank, and
///   of the smaller ones as far as they still fit. So a small unit waits for one group of larger units.
/// - Within a rank sources take turns, each up to a cost.
///
/// Units of one source are taken in their order. Any thread puts; one thread takes.
final class CommitQueue: Sendable {
    /// What a group costs at most, unless a single unit costs more. Groups twice as large write a
    /// tenth more entries a second, and a small unit waits twice as long.
    static let groupCost = 8 << 20
    /// The same for groups of larger units while small ones come now and then, which wait for them.
    static let politeGroupCost = 2 << 20
    /// After so many groups without a small unit none is expected.
    private static let politeGroupCount = 64
    /// What a source has of a group before it is the turn of the next source, unless a single unit
    /// costs more.
    static let turnCost = 256 << 10
    /// Memory of a source's units that is free in any case: nobody can take it from the others.
    static let ownByteCount = 64 << 10

    private static let rankCount = 3

    private static func rank(_ unit: CommitUnit) -> Int {
        unit.cost <= turnCost ? 0 : unit.cost <= groupCost ? 1 : 2
    }

    private struct Source {
        /// At least one.
        var units = Deque<CommitUnit>()
        /// Memory of its units.
        var byteCount = 0

        mutating func add(_ unit: CommitUnit, _ weight: Int) {
            units.append(unit)
            byteCount += weight
        }
    }

    private struct State {
        var sources: [Int: Source] = [:]
        /// For each rank the sources whose first unit is of it, in the order of their turns.
        var turns = Array(repeating: Deque<Int>(), count: CommitQueue.rankCount)
        /// The rank that the last group was of.
        var rank = 0
        /// How many groups ago there was a small unit.
        var groupsSinceSmall = CommitQueue.politeGroupCount
        /// Memory of all units.
        var byteCount = 0
        var isClosed = false
    }

    private let byteLimit: Int
    private let monitor = Monitor(State())

    /// - Parameter byteLimit: the memory that the units may take, see ``CommitUnit/weight``.
    init(byteLimit: Int) { self.byteLimit = byteLimit }

    var isEmpty: Bool { monitor.read { $0.sources.isEmpty } }

    enum PutResult { case queued, full, closed }

    /// Puts a unit at the end of its source's.
    func put(_ unit: CommitUnit) -> PutResult {
        monitor.change { state in
            if state.isClosed { return .closed }
            let weight = unit.weight
            let ownByteCount = state.sources[unit.source]?.byteCount ?? 0
            guard
                state.byteCount + weight <= byteLimit || state.byteCount == 0
                    || ownByteCount + weight <= Self.ownByteCount
            else { return .full }
            if ownByteCount == 0 { state.turns[Self.rank(unit)].append(unit.source) }
            state.sources[unit.source, default: Source()].add(unit, weight)
            state.byteCount += weight
            return .queued
        }
    }

    /// The units of the next group, at least one, as soon as some wait.
    ///
    /// - Returns: an empty array after the timeout; nil when the queue is closed and empty.
    func takeGroup(timeoutMilliseconds: Int?) -> [CommitUnit]? {
        let group = monitor.wait(upTo: timeoutMilliseconds.map { .milliseconds($0) }) {
            state -> [CommitUnit]?? in
            if state.sources.isEmpty { return state.isClosed ? .some(nil) : nil }
            return Self.takeGroup(from: &state)
        }
        return group ?? []
    }

    /// Takes no more units; those that wait are still handed out.
    func close() { monitor.change { $0.isClosed = true } }

    private static func takeGroup(from state: inout State) -> [CommitUnit] {
        repeat { state.rank = (state.rank + 1) % rankCount } while state.turns[state.rank].isEmpty
        let isPolite = state.rank > 0 && state.groupsSinceSmall < politeGroupCount
        var group = Group(costLimit: isPolite ? politeGroupCost : groupCost)
        state.groupsSinceSmall += 1
        for rank in (0...state.rank).reversed() {
            while let turn = state.turns[rank].popFirst() {
                if rank == 0 { state.groupsSinceSmall = 0 }
                guard takeTurn(of: turn, rank, into: &group, &state) else { break }
            }
        }
        return group.units
    }

    private struct Group {
        let costLimit: Int
        var units: [CommitUnit] = []
        var cost = 0

        /// Whether a unit of that cost still fits; the first one always does.
        func hasRoom(for cost: Int) -> Bool { units.isEmpty || self.cost + cost <= costLimit }
    }

    /// Takes units of one source and one rank. Returns false when the group is full.
    private static func takeTurn(
        of turn: Int, _ rank: Int, into group: inout Group, _ state: inout State
    ) -> Bool {
        guard var source = state.sources.removeValue(forKey: turn) else { return true }
        var turnRest = turnCost
        while let unit = source.units.first, Self.rank(unit) == rank, turnRest > 0 {
            let cost = unit.isCancelled() ? 0 : unit.cost
            guard group.hasRoom(for: cost) else {
                state.turns[rank].prepend(turn)
                state.sources[turn] = source
                return false
            }
            source.units.removeFirst()
            source.byteCount -= unit.weight
            state.byteCount -= unit.weight
            turnRest -= cost
            group.cost += cost
            group.units.append(unit)
        }
        if let next = source.units.first {
            state.turns[Self.rank(next)].append(turn)
            state.sources[turn] = source
        }
        return true
    }
}
