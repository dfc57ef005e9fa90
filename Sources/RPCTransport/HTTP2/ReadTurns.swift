import DequeModule
import NIOCore

/// Whose turn it is, among the connections of an event loop that have received more than a little.
/// Event loop only.
///
/// HPACK shortens a request to a few bytes, so that nobody knows what received bytes cost until they
/// are worked off. The first 2 KiB of a read are worked off at once; for the rest connections share a
/// millisecond in each cycle of the loop, by the clock. So a client that asks for little does not wait
/// until all those have had their turn that ask for as much as they can.
final class ReadTurns {
    private static let cycle = TimeAmount.milliseconds(1)
    /// What a connection works off before others have their turn.
    static let turn = TimeAmount.microseconds(125)
    /// NIO runs tasks that are due without a look at its sockets, so the next turns must not be due yet.
    private static let pause = TimeAmount.microseconds(50)

    private let eventLoop: any EventLoop
    private var left = ReadTurns.cycle
    private var waiting = Deque<() -> Void>()
    private var willRefill = false
    private var willGoOn = false

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Whether a connection may go on at once, in this cycle.
    var isFree: Bool { waiting.isEmpty && left > .zero }

    /// Notes what a connection has taken of this cycle.
    func spend(_ time: TimeAmount) {
        left = left - time
        guard !willRefill else { return }
        willRefill = true
        let turns = NIOLoopBound(self, eventLoop: eventLoop)
        // Tasks come after what the sockets had in this cycle.
        eventLoop.execute {
            turns.value.willRefill = false
            turns.value.left = Self.cycle
        }
    }

    /// Calls `goOn`, which spends what it takes, when it is the connection's turn.
    func wait(_ goOn: @escaping () -> Void) {
        waiting.append(goOn)
        scheduleNext()
    }

    private func scheduleNext() {
        guard !willGoOn, !waiting.isEmpty else { return }
        willGoOn = true
        let turns = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pause) { turns.value.takeTurns() }
    }

    private func takeTurns() {
        willGoOn = false
        left = Self.cycle
        while left > .zero, let goOn = waiting.popFirst() { goOn() }
        scheduleNext()
    }
}
