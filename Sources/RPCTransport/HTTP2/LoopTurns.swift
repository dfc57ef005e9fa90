import DequeModule
import NIOCore

/// Shares an event loop's time among long pieces of work that clients can cause at will: parsing received
/// bytes, sending large answers, freeing connections, ending overdue calls. Event loop only.
///
/// The cost of such work is unknown beforehand: HPACK, for one, shortens a request to a few bytes. The
/// work is therefore split into pieces, and all pieces share one millisecond of each cycle of the loop,
/// by the clock. A client with a small request waits for a millisecond of other clients' work, not for
/// all of it.
final class LoopTurns {
    private static let cycle = TimeAmount.milliseconds(1)
    private static let halfCycle = TimeAmount.microseconds(500)
    /// The time that one piece of work should take.
    static let turn = TimeAmount.microseconds(125)

    private let eventLoop: any EventLoop
    /// Makes the loop call `takeTurns` after it has polled its sockets; see `LoopBell`.
    private let ring: () -> Void
    private var left = LoopTurns.cycle
    private var urgent = Deque<() -> Void>()
    private var waiting = Deque<() -> Void>()
    private var willRefill = false
    private var isAtWork = false
    private var hasFinished = false
    /// The time at which a socket last had an event.
    private var lastLook = NIODeadline.now()

    init(_ eventLoop: any EventLoop, ring: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.ring = ring
    }

    /// Notes an event of a socket.
    func noteLook(_ now: NIODeadline) { lastLook = now }

    /// Whether tasks may have kept the loop from its sockets for a whole cycle; the next task should then
    /// use `runAfterLook`.
    func isLookDue(_ now: NIODeadline) -> Bool { now - lastLook > Self.cycle }

    /// Runs a piece of work now if this cycle has time left and nothing waits; otherwise queues it.
    func run(_ work: @escaping () -> Void) {
        if !runNow(work) { wait(work) }
    }

    /// Runs a piece of work now if this cycle has time left, nothing waits, and no other piece is running:
    /// a piece that begins another one would never use its time up. Returns false if it did not run.
    func runNow(_ work: () -> Void) -> Bool {
        guard hasFinished || waiting.isEmpty && left > .zero && !isAtWork else { return false }
        measure(work)
        refillLater()
        return true
    }

    /// Queues a piece of work for a later cycle.
    func wait(_ work: @escaping () -> Void) {
        if hasFinished { return eventLoop.assumeIsolated().execute(work) }
        waiting.append(work)
        ring()
    }

    /// Runs a piece of work after the next poll of the sockets, before the queued pieces.
    func runAfterLook(_ work: @escaping () -> Void) {
        if hasFinished { return work() }
        urgent.append(work)
        ring()
    }

    /// Runs all queued work, and stops queueing: the loop is about to end.
    func finish() {
        hasFinished = true
        runUrgent()
        while let work = waiting.popFirst() { work() }
    }

    private func runUrgent() {
        while let work = urgent.popFirst() { work() }
    }

    private func measure(_ work: () -> Void) {
        let began = NIODeadline.now()
        isAtWork = true
        work()
        isAtWork = false
        left = left - (.now() - began)
    }

    /// Schedules the refill of `left`, unless at least half of a cycle's time is left: the next cycle then begins with
    /// the rest of this one. A task for each cycle in which a small request comes would cost more than its turn.
    private func refillLater() {
        guard !willRefill, left < Self.halfCycle else { return }
        willRefill = true
        // Tasks run after the socket events of a cycle.
        eventLoop.assumeIsolated().execute {
            self.willRefill = false
            self.left = Self.cycle
        }
    }

    /// Runs one cycle's share of the queued work. Called by the bell.
    func takeTurns() {
        lastLook = .now()
        runUrgent()
        left = Self.cycle
        // Work that is queued meanwhile runs after the next poll.
        var count = waiting.count
        while count > 0, left > .zero, let work = waiting.popFirst() {
            count -= 1
            measure(work)
        }
        refillLater()
        if !waiting.isEmpty { ring() }
    }
}
