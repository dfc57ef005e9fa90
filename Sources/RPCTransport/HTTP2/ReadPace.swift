import NIOCore
import Synchronization

/// How much of a connection is read at once, so that a turn takes no long time whatever arrives: HPACK
/// shortens a request to a few bytes, and 64 KiB of those keep an event loop busy for milliseconds.
///
/// The connection notes how long its reads took; the channel asks, through `PacedReads`, how much to
/// read next.
final class ReadPace: Sendable {
    /// What a read may take.
    private static let turn = TimeAmount.microseconds(125)
    /// Shorter reads say little: what they take is not for their bytes.
    private static let telling = 1_024
    /// Nobody has timed the first read.
    private static let first = 2_048
    private static let least = 256
    private static let most = 64 << 10

    private let bytes = Atomic<Int>(ReadPace.first)
    private let cost = Atomic<Int64>(ReadPace.turn.nanoseconds)

    /// The most to read at once; a power of two, as the capacity of a buffer is.
    var byteCount: Int { bytes.load(ordering: .relaxed) }
    /// What the next read may take if it is as long as the last one that was timed.
    var expectedTime: TimeAmount { .nanoseconds(cost.load(ordering: .relaxed)) }

    /// Whether a read of so many bytes has to be timed.
    func needsTime(ofRead count: Int) -> Bool { count >= min(Self.telling, byteCount) }

    func note(_ count: Int, took time: TimeAmount) {
        let nanoseconds = max(1_000, time.nanoseconds)
        cost.store(min(nanoseconds, Self.turn.nanoseconds), ordering: .relaxed)
        let inTurn = Int64(count) * Self.turn.nanoseconds / nanoseconds
        let next = Self.rounded(Int(inTurn))
        if next != byteCount { bytes.store(next, ordering: .relaxed) }
    }

    private static func rounded(_ byteCount: Int) -> Int {
        let limited = min(max(least, byteCount), most)
        return 1 << (Int.bitWidth - 1 - limited.leadingZeroBitCount)
    }
}

/// Buffers for what a connection receives: as large as its reads turn out, within its pace.
///
/// NIO keeps the first buffer and uses it again, whole, as long as it is told a size; told none, it
/// takes a new one for each read.
struct PacedReads: RecvByteBufferAllocator {
    private let pace: ReadPace
    private var usual = AdaptiveRecvByteBufferAllocator(
        minimum: 4_096, initial: 16 << 10, maximum: 64 << 10)
    /// Of the buffer that NIO keeps.
    private var keptByteCount = 0

    init(_ pace: ReadPace) { self.pace = pace }

    private var size: Int { min(usual.nextBufferSize() ?? .max, pace.byteCount) }

    /// Nil while the buffer that NIO keeps is larger than the pace allows.
    func nextBufferSize() -> Int? { keptByteCount <= pace.byteCount ? size : nil }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }

    /// Always true: else NIO would, told no size, use the buffer again that it keeps.
    mutating func record(actualReadBytes: Int) -> Bool {
        if let size = nextBufferSize() { keptByteCount = max(keptByteCount, size) }
        _ = usual.record(actualReadBytes: actualReadBytes)
        return true
    }
}
