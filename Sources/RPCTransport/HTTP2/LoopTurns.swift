import DequeModule
import NIOCore

/// Whose turn it is on an event loop, among all that takes longer than a moment and that clients can
/// bring about at will: working off what was received, sending much, freeing connections, answering
/// calls whose time is over. Event loop only.
///
/// What such work costs is known only when it is done: HPACK, for one, shortens a request to a few
/// bytes. So it is done in pieces, which share a millisecond in each cycle of the loop, by the clock.
/// A client that asks for little does not wait until all those have had their turn that ask for as
/// much as they can.
final class LoopTurns {
    private static let cycle = TimeAmount.milliseconds(1)
    /// What one turn should take.
    static let turn = TimeAmount.microseconds(125)

    private let eventLoop: any EventLoop
    /// Has `takeTurns` called when the loop has looked at its sockets, see `LoopBell`.
    private let ring: () -> Void
    private var left = LoopTurns.cycle
    private var urgent = Deque<() -> Void>()
    private var waiting = Deque<() -> Void>()
    private var willRefill = false
    private var hasFinished = false
    /// When the loop last had something from its sockets.
    private var lastLook = NIODeadline.now()

    init(_ eventLoop: any EventLoop, ring: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.ring = ring
    }

    /// The loop has something from its sockets.
    func noteLook(_ now: NIODeadline) { lastLook = now }

    /// Whether tasks may have kept the loop from its sockets for a cycle: the next one should wait.
    var isLookDue: Bool { .now() - lastLook > Self.cycle }

    /// Does a piece of work at once where there is time left in this cycle and nothing waits; else when
    /// it is its turn.
    func run(_ work: @escaping () -> Void) {
        if !runNow(work) { wait(work) }
    }

    /// Does a piece of work at once where there is time left in this cycle and nothing waits; returns
    /// whether it did.
    func runNow(_ work: () -> Void) -> Bool {
        guard hasFinished || waiting.isEmpty && left > .zero else { return false }
        measure(work)
        refillLater()
        return true
    }

    /// Does a piece of work when it is its turn, in another cycle of the loop.
    func wait(_ work: @escaping () -> Void) {
        if hasFinished { return eventLoop.assumeIsolated().execute(work) }
        waiting.append(work)
        ring()
    }

    /// Does a piece of work as soon as the loop has looked at its sockets, before all that waits for a
    /// turn.
    func runAfterLook(_ work: @escaping () -> Void) {
        if hasFinished { return work() }
        urgent.append(work)
        ring()
    }

    /// Does all that waits. What comes later does not wait any more: the loop is about to end.
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
        work()
        left = left - (.now() - began)
    }

    private func refillLater() {
        guard !willRefill else { return }
        willRefill = true
        // Tasks come after what the sockets had in this cycle.
        eventLoop.assumeIsolated().execute {
            self.willRefill = false
            self.left = Self.cycle
        }
    }

    /// A cycle's share of what waits; called by the bell.
    func takeTurns() {
        lastLook = .now()
        runUrgent()
        left = Self.cycle
        // What is added meanwhile has its turn when the sockets have had theirs.
        var count = waiting.count
        while count > 0, left > .zero, let work = waiting.popFirst() {
            count -= 1
            measure(work)
        }
        refillLater()
        if !waiting.isEmpty { ring() }
    }
}
