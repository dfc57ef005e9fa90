import DequeModule
import NIOCore

/// Whose turn it is to be read from, among the connections of an event loop of which more has arrived
/// than one read takes. Event loop only.
///
/// A connection that was read to its end is read again as soon as something arrives. The others share
/// a millisecond in each cycle of the loop: a client that asks for little does not wait until
/// all those have had their turn that ask for as much as they can.
final class ReadTurns {
    private static let cycle = TimeAmount.milliseconds(1)
    /// NIO runs tasks that are due without a look at its sockets, so the next turns must not be due yet.
    private static let pause = TimeAmount.microseconds(50)

    private let eventLoop: any EventLoop
    private var left = ReadTurns.cycle
    private var waiting = Deque<(time: TimeAmount, read: () -> Void)>()
    private var willRefill = false
    private var willGoOn = false

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Takes a turn of about that time in this cycle; false if it has to be waited for.
    func take(_ time: TimeAmount) -> Bool {
        guard waiting.isEmpty, left > .zero else { return false }
        left = left - time
        guard !willRefill else { return true }
        willRefill = true
        let turns = NIOLoopBound(self, eventLoop: eventLoop)
        // Tasks come after what the sockets had in this cycle.
        eventLoop.execute {
            turns.value.willRefill = false
            turns.value.left = Self.cycle
        }
        return true
    }

    /// Calls `read` when it is the connection's turn.
    func wait(_ time: TimeAmount, _ read: @escaping () -> Void) {
        waiting.append((time, read))
        scheduleNext()
    }

    private func scheduleNext() {
        guard !willGoOn, !waiting.isEmpty else { return }
        willGoOn = true
        let turns = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pause) { turns.value.goOn() }
    }

    private func goOn() {
        willGoOn = false
        var left = Self.cycle
        while left > .zero, let next = waiting.popFirst() {
            left = left - next.time
            next.read()
        }
        scheduleNext()
    }
}
