import NIOCore
import Synchronization

/// How much of a connection is read at once, so that connections of one event loop take turns by time:
/// HPACK shortens a request to a few bytes, and 64 KiB of those keep the loop busy for milliseconds.
///
/// The connection notes how long its reads took; the channel asks, through `PacedReads`, how much to
/// read next.
final class ReadPace: Sendable {
    /// What the reads of all connections of a loop may take together before each has had its turn,
    /// and what a turn has in any case.
    private static let round = TimeAmount.milliseconds(8)
    private static let leastTurn = TimeAmount.microseconds(200)
    /// Shorter reads say little: what they take is not for their bytes.
    private static let telling = 2_048
    private static let least = 512
    static let most = 64 << 10

    private let bytes = Atomic<Int>(ReadPace.most)
    private let load: LoopLoad

    init(_ load: LoopLoad) { self.load = load }

    /// The most to read at once.
    var byteCount: Int { bytes.load(ordering: .relaxed) }

    /// Whether a read of so many bytes has to be timed.
    func needsTime(ofRead count: Int) -> Bool { count >= min(Self.telling, byteCount) }

    func note(_ count: Int, took time: TimeAmount) {
        let connectionCount = Int64(max(1, load.connectionCount.load(ordering: .relaxed)))
        let turn = max(Self.leastTurn.nanoseconds, Self.round.nanoseconds / connectionCount)
        let inTurn = Int64(count) * turn / max(1_000, time.nanoseconds)
        let next = min(max(Self.least, Int(inTurn)), Self.most)
        if next != byteCount { bytes.store(next, ordering: .relaxed) }
    }
}

/// Who shares an event loop.
final class LoopLoad: Sendable {
    let connectionCount = Atomic<Int>(0)
}

/// Buffers for what a connection receives: as large as its reads turn out, within its pace.
struct PacedReads: RecvByteBufferAllocator {
    private let pace: ReadPace
    private var usual = AdaptiveRecvByteBufferAllocator(
        minimum: 4_096, initial: 16 << 10, maximum: ReadPace.most)

    init(_ pace: ReadPace) { self.pace = pace }

    /// Nil, so that no larger buffer is used again, while the pace allows less.
    func nextBufferSize() -> Int? {
        guard let size = usual.nextBufferSize(), size <= pace.byteCount else { return nil }
        return size
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        let size = usual.nextBufferSize() ?? ReadPace.most
        return allocator.buffer(capacity: min(size, pace.byteCount))
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        usual.record(actualReadBytes: actualReadBytes)
    }
}
