import ClientKit
import Foundation
import ImmudbClient

/// Finds the scores of a sorted set's members, which the wire does not return.
///
/// A walk over a set can begin at any score. The first members of the walk show how many members have lower scores, and
/// two walks, from a number and from the next larger one, show which members have exactly that score. So the scores of
/// all members are found by bisection; it tries the numbers with the fewest digits, since most scores have few.
struct ScoreSearch: Sendable {
    private static let concurrentCallCount = 64

    private let client: ImmudbClient
    private let set: [UInt8]
    /// All members, the lowest score first.
    private let members: [[UInt8]]
    /// The positions of each member, which may have several scores.
    private let places: [[UInt8]: [Int]]

    /// - Parameter members: all members of the set, in their order.
    init(_ client: ImmudbClient, set: [UInt8], members: [[UInt8]]) {
        (self.client, self.set, self.members) = (client, set, members)
        var places: [[UInt8]: [Int]] = [:]
        for (place, member) in members.enumerated() { places[member, default: []].append(place) }
        self.places = places
    }

    private static let setHasChanged = ToolError(
        "the scores cannot be determined: the set has changed meanwhile. Try again, or leave the scores "
            + "out with --no-scores",
        code: "SetChanged")

    /// Returns the positions of the members whose scores are within bounds, both included; nil for no bound.
    func positions(from low: Double?, to high: Double?) async throws -> Range<Int> {
        let all = 0..<members.count
        var (lower, upper) = (0, members.count)
        if let low { lower = try await position(of: low.rank, all) }
        if let high { upper = try await position(of: high.rank + 1, all) }
        return lower..<max(lower, upper)
    }

    /// Returns the scores of the members at the wanted positions, and perhaps of others; nil for the rest.
    ///
    /// - Throws: `ToolError` if the set has changed meanwhile, so that positions contradict each other.
    /// - Complexity: some tens of calls for each score, at most 64 of them at once.
    func scores(at wanted: Range<Int>) async throws -> [Double?] {
        var scores = [Double?](repeating: nil, count: members.count)
        let all = (-Double.infinity).rank...Double.infinity.rank
        var open = [Segment(scores: all, members: 0..<members.count)]
        while true {
            open = open.filter { !$0.members.isEmpty && $0.members.overlaps(wanted) }
            guard !open.isEmpty else { return scores }
            let tried = open.map { $0.scores.middle }
            var points: [UInt64: Range<Int>] = [:]
            for (segment, rank) in zip(open, tried) {
                points[rank] = segment.members
                points[rank + 1] = segment.members
            }
            let positions = try await positions(of: points)
            var next: [Segment] = []
            for (segment, rank) in zip(open, tried) {
                let (bounds, within) = (segment.scores, segment.members)
                guard let begin = positions[rank], let end = positions[rank + 1], begin <= end,
                    within.lowerBound <= begin, end <= within.upperBound,
                    begin == within.lowerBound || rank > bounds.lowerBound,
                    end == within.upperBound || rank < bounds.upperBound
                else { throw Self.setHasChanged }
                for position in begin..<end { scores[position] = Double(rank: rank) }
                if rank > bounds.lowerBound {
                    next.append(
                        Segment(
                            scores: bounds.lowerBound...rank - 1, members: within.lowerBound..<begin
                        ))
                }
                if rank < bounds.upperBound {
                    next.append(
                        Segment(
                            scores: rank + 1...bounds.upperBound, members: end..<within.upperBound))
                }
            }
            open = next
        }
    }

    /// Members whose scores are within bounds, both included.
    private struct Segment {
        let scores: ClosedRange<UInt64>
        let members: Range<Int>
    }

    /// Returns, for each rank, how many members have a score below it.
    ///
    /// - Parameter ranks: the ranks, each with the known bounds of the result.
    private func positions(of ranks: [UInt64: Range<Int>]) async throws -> [UInt64: Int] {
        try await withThrowingTaskGroup(of: (UInt64, Int).self) { group in
            var positions: [UInt64: Int] = [:]
            for (number, (rank, bounds)) in ranks.enumerated() {
                if number >= Self.concurrentCallCount, let (done, position) = try await group.next()
                {
                    positions[done] = position
                }
                group.addTask { (rank, try await position(of: rank, bounds)) }
            }
            for try await (rank, position) in group { positions[rank] = position }
            return positions
        }
    }

    private func position(of rank: UInt64, _ bounds: Range<Int>) async throws -> Int {
        guard rank <= Double.infinity.rank else { return members.count }
        let offset = ImmudbClient.setEntryKey(set: set, score: Double(rank: rank), member: [])
        // A member may have several scores; the members that follow it show which one this is.
        var count = 2
        while true {
            let window = try await client.zScan(set, after: offset, limit: UInt64(count))
            let fitting = positions(of: window.map(\.key), isEnd: window.count < count, bounds)
            if fitting.count == 1 { return fitting[0] }
            guard !fitting.isEmpty, count <= members.count else { throw Self.setHasChanged }
            count *= 4
        }
    }

    /// Returns the positions at which a walk with the first members `window` can have begun.
    private func positions(of window: [[UInt8]], isEnd: Bool, _ bounds: Range<Int>) -> [Int] {
        guard !isEnd else { return [max(0, members.count - window.count)] }
        return (places[window[0]] ?? []).filter { place in
            bounds.lowerBound <= place && place <= bounds.upperBound
                && members[place...].starts(with: window)
        }
    }
}

extension ClosedRange<UInt64> {
    /// The rank near the middle whose number has the fewest digits.
    var middle: UInt64 {
        let width = upperBound - lowerBound
        let middle = lowerBound + width / 2
        guard width > 16 else { return middle }
        let near = lowerBound + width / 8...upperBound - width / 8
        for digits in 0..<17 {
            let text = String(format: "%.\(digits)e", Double(rank: middle))
            // Adding 0 turns -0, which is not a score, into 0.
            if let rank = Double(text).map({ ($0 + 0).rank }), near.contains(rank) { return rank }
        }
        return middle
    }
}

extension Double {
    /// A number with the same order as this one: smallest for -infinity, largest for infinity.
    var rank: UInt64 { sign == .minus ? ~bitPattern : bitPattern | 1 << 63 }

    init(rank: UInt64) {
        self.init(bitPattern: rank >> 63 == 1 ? rank & ~(1 << 63) : ~rank)
    }
}
