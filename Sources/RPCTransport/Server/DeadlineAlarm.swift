import NIOCore

/// One timer for the deadlines of many calls. It rings at the earliest one; the owner of the calls then looks at all
/// open calls and sets the timer again.
///
/// A timer for each call would cost more than the rest of the call's bookkeeping. Calls that begin with the same
/// timeout, the usual case, set this one once per timeout. Event loop only.
struct DeadlineAlarm {
    /// Rings are at least this far apart, so that many different deadlines do not each cost a look.
    private static let coarseness = TimeAmount.milliseconds(1)
    /// The distance grows by this much for each call that a ring looks at: a thousand calls are looked at 50 times a
    /// second.
    private static let coarsenessPerCall = TimeAmount.microseconds(20)

    private var timer: Scheduled<Void>?
    private var rings = NIODeadline.distantFuture
    private var lastRing = NIODeadline.uptimeNanoseconds(0)

    /// Returns whether it rings at `deadline` or earlier, so that it need not be set.
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

    /// Resets the alarm after it has rung, before it is set again.
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
