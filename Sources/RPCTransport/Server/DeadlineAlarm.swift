import NIOCore

/// One timer for the deadlines of many calls: it rings at the earliest one, and whoever owns the
/// calls then looks at all that live and sets it again.
///
/// A timer of its own would cost every call more than the rest of its bookkeeping. Calls that begin
/// with the same timeout, the usual case, set this one once per timeout. Event loop only.
struct DeadlineAlarm {
    /// Rings are at least this far apart, so that many different deadlines cost one look each, not
    /// one each.
    private static let coarseness = TimeAmount.milliseconds(1)
    /// And this for each call that is looked at then: a thousand calls are looked at 50 times a second.
    private static let coarsenessPerCall = TimeAmount.microseconds(20)

    private var timer: Scheduled<Void>?
    private var rings = NIODeadline.distantFuture
    private var lastRing = NIODeadline.uptimeNanoseconds(0)

    /// Whether it rings at `deadline` or before, so that it need not be set.
    func rings(by deadline: NIODeadline) -> Bool { rings <= deadline }

    mutating func set(
        _ deadline: NIODeadline, among callCount: Int, on loop: any EventLoop,
        _ ring: @escaping @Sendable () -> Void
    ) {
        guard deadline < rings else { return }
        timer?.cancel()
        rings = max(
            deadline,
            lastRing + max(Self.coarseness, Self.coarsenessPerCall * Int64(callCount)))
        timer = loop.scheduleTask(deadline: rings, ring)
    }

    /// To be called when it rings, before it is set again.
    mutating func rang() {
        timer = nil
        rings = .distantFuture
        lastRing = .now()
    }

    mutating func cancel() {
        timer?.cancel()
        timer = nil
        rings = .distantFuture
    }
}
