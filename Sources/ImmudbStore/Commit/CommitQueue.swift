import DequeModule
import POSIX

/// Queues units for the committer and decides the order in which they are written.
///
/// A group takes the units that wait, up to a limit. Beyond the limit, two rules keep a small unit from
/// waiting for all the units that came before it:
/// - Each unit has one of three ranks, by its cost. Ranks take turns: a group holds units of one rank, and
///   units of smaller ranks that still fit. A small unit therefore waits for one group of larger units.
/// - Within a rank, sources take turns. A turn has a limit of cost, too.
///
/// Units of one source keep their order. Any thread puts; one thread takes.
final class CommitQueue: Sendable {
    /// The limit of a group's cost; a single unit may exceed it. With twice the limit the database writes
    /// a tenth more entries a second, and a small unit waits twice as long.
    static let groupCost = 8 << 20
    /// The limit for groups of larger units while small units keep coming.
    static let politeGroupCost = 2 << 20
    /// After this many groups without a small unit, groups grow to `groupCost` again.
    private static let politeGroupCount = 64
    /// The limit of a turn's cost; a single unit may exceed it.
    static let turnCost = 256 << 10
    /// Memory that each source has to itself, even when the others fill the queue.
    static let ownByteCount = 64 << 10

    private static let rankCount = 3

    private static func rank(_ unit: CommitUnit) -> Int {
        unit.cost <= turnCost ? 0 : unit.cost <= groupCost ? 1 : 2
    }

    private struct Source {
        /// The next unit. Most sources have only this one.
        var first: CommitUnit
        var others = Deque<CommitUnit>()
        /// The memory of the source's units.
        var byteCount: Int

        init(_ unit: CommitUnit, _ weight: Int) {
            first = unit
            byteCount = weight
        }

        mutating func add(_ unit: CommitUnit, _ weight: Int) {
            others.append(unit)
            byteCount += weight
        }

        /// Removes the first unit. Returns false if it was the only one.
        mutating func removeFirst() -> Bool {
            byteCount -= first.weight
            guard let next = others.popFirst() else { return false }
            first = next
            return true
        }
    }

    private struct State {
        var sources: [Int: Source] = [:]
        /// By rank: the sources whose first unit has that rank, in the order of their turns.
        var turns = Array(repeating: Deque<Int>(), count: CommitQueue.rankCount)
        /// The rank of the last group.
        var rank = 0
        /// Groups since the last one with a small unit.
        var groupsSinceSmall = CommitQueue.politeGroupCount
        /// The memory of all units.
        var byteCount = 0
        var isClosed = false
    }

    private let byteLimit: Int
    private let monitor = Monitor(State())

    /// - Parameter byteLimit: the memory that the units may take, see ``CommitUnit/weight``.
    init(byteLimit: Int) { self.byteLimit = byteLimit }

    var isEmpty: Bool { monitor.read { $0.sources.isEmpty } }

    /// - Complexity: linear in the number of sources.
    var waitingWrites: WaitingWrites {
        monitor.read { state in
            WaitingWrites(
                appendCount: state.sources.values.reduce(0) { $0 + 1 + $1.others.count },
                byteCount: state.byteCount)
        }
    }

    enum PutResult { case queued, full, closed }

    /// Adds a unit after those of its source.
    func put(_ unit: CommitUnit) -> PutResult {
        monitor.change { state in
            if state.isClosed { return .closed }
            let weight = unit.weight
            guard
                state.byteCount + weight <= byteLimit || state.byteCount == 0
                    || (state.sources[unit.source]?.byteCount ?? 0) + weight <= Self.ownByteCount
            else { return .full }
            if state.sources[unit.source]?.add(unit, weight) == nil {
                state.sources[unit.source] = Source(unit, weight)
                state.turns[Self.rank(unit)].append(unit.source)
            }
            state.byteCount += weight
            return .queued
        }
    }

    /// Takes the units of the next group, at least one, as soon as some wait.
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

    /// Accepts no more units; those that wait are still handed out.
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

        /// Returns whether a unit of this cost still fits; the first one always does.
        func hasRoom(for cost: Int) -> Bool { units.isEmpty || self.cost + cost <= costLimit }
    }

    /// Takes units of one source and one rank. Returns false when the group is full.
    private static func takeTurn(
        of turn: Int, _ rank: Int, into group: inout Group, _ state: inout State
    ) -> Bool {
        guard var source = state.sources.removeValue(forKey: turn) else { return true }
        var turnRest = turnCost
        while Self.rank(source.first) == rank, turnRest > 0 {
            let unit = source.first
            let cost = unit.isCancelled() ? 0 : unit.cost
            guard group.hasRoom(for: cost) else {
                state.turns[rank].prepend(turn)
                state.sources[turn] = source
                return false
            }
            state.byteCount -= unit.weight
            turnRest -= cost
            group.cost += cost
            group.units.append(unit)
            guard source.removeFirst() else { return true }
        }
        state.turns[Self.rank(source.first)].append(turn)
        state.sources[turn] = source
        return true
    }
}
