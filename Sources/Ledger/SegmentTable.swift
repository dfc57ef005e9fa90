import MerkleTree
import StorageIO
import Synchronization

/// The segments of a ledger, in order. The writer adds segments, any thread reads.
final class SegmentTable: Sendable {
    private let segments: Mutex<[Segment]>

    init(_ segments: [Segment]) {
        precondition(!segments.isEmpty)
        self.segments = Mutex(segments)
    }

    var newest: Segment { segments.withLock { $0[$0.count - 1] } }

    /// The segment before the newest.
    var previous: Segment? { segments.withLock { $0.count > 1 ? $0[$0.count - 2] : nil } }

    func removeNewest() {
        segments.withLock { segments in
            precondition(segments.count > 1)
            segments.removeLast()
        }
    }

    func add(_ segment: Segment) {
        segments.withLock { $0.append(segment) }
    }

    func segment(_ number: UInt32, holding index: EntryIndex) throws(StoreError) -> Segment {
        let found = segments.withLock { number < $0.count ? $0[Int(number)] : nil }
        guard let found else {
            throw StoreError(
                .corruption,
                "entry \(index) should be in segment \(number), which does not exist")
        }
        return found
    }

    /// Returns the segment that holds an entry, and those after it.
    func all(from index: EntryIndex) -> [Segment] {
        segments.withLock { all in
            let first = all.lastIndex { $0.firstIndex <= index } ?? 0
            return Array(all[first...])
        }
    }

    func byteCount() throws(StoreError) -> UInt64 {
        var sum: UInt64 = 0
        for segment in segments.withLock({ $0 }) { sum += try segment.byteCount() }
        return sum
    }
}
