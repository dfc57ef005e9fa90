import DequeModule
import NIOCore

/// The state that the connections of one event loop share: the requests to be passed to the workers, and the mailbox
/// for their answers. Event loop only.
final class ServerLoop {
    let eventLoop: any EventLoop
    let core: ServerCore
    private(set) var turns: LoopTurns!
    private(set) var mailbox: LoopMailbox!
    private(set) var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var jobs: [RPCMethod.Execution: Deque<WorkerPool.Job>] = [:]
    private var points = Deque<WorkerPool.Job>()
    private var willSubmit = false
    /// Jobs for which there was no room in the workers' queues.
    private var refused = Deque<WorkerPool.Job>()
    private var willRefuse = false
    private var touched: [ServerConnection] = []
    private var spare = LoopMailbox.Contents()
    private var awaitingRoom = CircularBuffer<ServerConnection>()
    private var willLook = false
    /// The time at which the current delivery of handlers' answers began, read from the clock once for all of them; nil
    /// outside of deliveries.
    private(set) var deliveryTime: NIODeadline?
    /// The connections that the current tick has not checked yet, and the results of the others.
    private var unseen: [ServerConnection] = []
    private var evictions: Evictions?

    private init(_ eventLoop: any EventLoop, _ core: ServerCore) {
        self.eventLoop = eventLoop
        self.core = core
        mailbox = LoopMailbox(self)
    }

    /// - Throws: if the bell cannot be made, since no descriptors are left.
    static func make(
        on eventLoop: any EventLoop, _ core: ServerCore
    ) async throws -> LoopHandle {
        try await eventLoop.flatSubmit {
            let loop = NIOLoopBound(ServerLoop(eventLoop, core), eventLoop: eventLoop)
            return LoopBell.hang(on: eventLoop) { [weak loop = loop.value] in
                loop?.turns.takeTurns()
            }
            .assumeIsolated()
            .map { bell in
                loop.value.turns = LoopTurns(eventLoop) { bell.ring() }
                loop.value.startTicking()
                return LoopHandle(loop.value)
            }
            .nonisolated()
        }.get()
    }

    /// Runs `body` later in this cycle of the loop or in the next one.
    private func execute(_ body: @escaping @Sendable (ServerLoop) -> Void) {
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { body(loop.value) }
    }

    // MARK: requests to the workers

    /// Queues a job until the end of the loop's cycle, so that the requests of all connections that were read become
    /// one batch.
    func enqueue(_ job: WorkerPool.Job, for work: RPCMethod.Execution) {
        if work == .points { points.append(job) } else { jobs[work, default: []].append(job) }
        guard !willSubmit else { return }
        willSubmit = true
        execute { loop in
            loop.willSubmit = false
            loop.submitJobs()
        }
    }

    private func submitJobs() {
        // Taken out first: refusing a call may start others, which are queued here.
        var batch = Deque<WorkerPool.Job>()
        swap(&batch, &points)
        submit(&batch, to: .points)
        if points.isEmpty { swap(&batch, &points) }
        guard !jobs.isEmpty else { return }
        let others = jobs
        jobs = [:]
        for (work, var batch) in others { submit(&batch, to: work) }
    }

    private func submit(_ batch: inout Deque<WorkerPool.Job>, to work: RPCMethod.Execution) {
        // Calls that were reset in the cycle in which they arrived do not reach a worker.
        batch.removeAll { $0.call.isCancelled }
        guard !batch.isEmpty else { return }
        let excess = core.pools.pool(of: work).submit(&batch)
        guard !excess.isEmpty else { return }
        refused.append(contentsOf: excess)
        scheduleRefusals()
    }

    /// Refuses requests in turns with the bytes that connections have sent: clients can have as many requests refused
    /// as they can send.
    private func scheduleRefusals() {
        guard !willRefuse, !refused.isEmpty else { return }
        willRefuse = true
        turns.wait {
            self.willRefuse = false
            self.refuseSome()
            self.scheduleRefusals()
        }
    }

    private func refuseSome() {
        for _ in 0..<Self.refusalsAtOnce {
            guard let call = refused.popFirst()?.call else { break }
            guard call.claim() else { continue }
            let active = call.active.value
            active.connection.submit(
                Answer(
                    code: .resourceExhausted, text: "the server has too many requests waiting"),
                of: call, active)
            touch(active.connection)
        }
        sendTouched()
    }

    /// The number of refusals in one turn. Each takes about 10 µs, including its write.
    private static let refusalsAtOnce = 16

    // MARK: answers from anywhere

    /// Delivers an answer that was made on this loop.
    func deliver(_ call: ServerCall, _ answer: consuming Answer) {
        let active = call.active.value
        active.connection.submit(answer, of: call, active)
        active.connection.sendPending()
    }

    /// Delivers the contents of the mailbox. Workers add to it meanwhile, so this waits for a poll of the sockets
    /// from time to time.
    func emptyMailbox() {
        let now = NIODeadline.now()
        if turns.isLookDue(now) {
            turns.runAfterLook { self.deliverAll(.now()) }
        } else {
            deliverAll(now)
        }
    }

    private func deliverAll(_ now: NIODeadline) {
        deliveryTime = now
        defer { deliveryTime = nil }
        mailbox.take(into: &spare)
        for parcel in spare.parcels {
            deliver(parcel)
            touch(parcel.call.active.value.connection)
        }
        spare.parcels.removeAll(keepingCapacity: spare.parcels.count < 4096)
        // Taken out first: delivering an answer may add others here.
        var answers: [(ServerCall, Answer)] = []
        swap(&answers, &spare.answers)
        deliver(&answers)
        if answers.capacity < 4096 { spare.answers = answers }
        while var batch = spare.batches.popLast() { deliver(&batch) }
        sendTouched()
    }

    /// Takes the answers out of the array, so that they are moved, not copied.
    private func deliver(_ answers: inout [(ServerCall, Answer)]) {
        while let (call, answer) = answers.popLast() {
            let active = call.active.value
            let connection = active.connection
            connection.submit(answer, of: call, active)
            touch(connection)
        }
    }

    private func sendTouched() {
        for connection in touched {
            connection.isTouched = false
            connection.sendAnswers()
        }
        touched.removeAll(keepingCapacity: true)
    }

    private func touch(_ connection: ServerConnection) {
        guard !connection.isTouched else { return }
        connection.isTouched = true
        touched.append(connection)
    }

    private func deliver(_ parcel: LoopMailbox.Parcel) {
        let active = parcel.call.active.value
        let connection = active.connection
        switch parcel {
        case .part(let call, let message): connection.submitPart(message, of: call)
        case .returned(let call): connection.takeBack(call)
        case .needsRoom(let call, let byteCount, let body):
            connection.awaitRoom(.answer(call, byteCount, body))
        case .streamNeedsRoom(let call, let byteCount):
            connection.awaitRoom(.streamMessage(call, byteCount))
        }
    }

    // MARK: waiting for room

    /// Checks a connection again later: its requests wait although its client has read everything, and other clients
    /// may make room by reading.
    ///
    /// Connections take turns. Each is in the queue once, and at most 256 are checked in 10 ms: 10,000 take 400 ms,
    /// and less than a hundredth of the loop's time, or a tenth if they start many requests.
    func awaitRoom(_ connection: ServerConnection) {
        guard !connection.isAwaitingRoom else { return }
        connection.isAwaitingRoom = true
        awaitingRoom.append(connection)
        scheduleLook()
    }

    private func scheduleLook() {
        guard !willLook, !awaitingRoom.isEmpty else { return }
        willLook = true
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.lookInterval) { loop.value.look() }
    }

    private func look() {
        willLook = false
        let began = NIODeadline.now()
        for _ in 0..<min(Self.looksAtOnce, awaitingRoom.count) {
            let connection = awaitingRoom.removeFirst()
            connection.isAwaitingRoom = false
            connection.sendPending()  // starts the requests that may start
            if .now() - began > Self.lookTime { break }
        }
        scheduleLook()
    }

    private static let lookInterval = TimeAmount.milliseconds(10)
    private static let lookTime = TimeAmount.milliseconds(1)
    private static let looksAtOnce = 256

    // MARK: connections

    func add(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    /// Checks all connections periodically: their signs of life, and whether they must close.
    private func startTicking() {
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        let interval = core.tickInterval
        eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            loop.value.tick()
        }
    }

    private func tick() {
        core.pools.handOverAnswers()
        core.lookForSpareMemory()
        guard unseen.isEmpty else { return }  // the previous tick is not done
        let now = NIODeadline.now()
        unseen = Array(connections.values)
        evictions = Evictions(core, now)
        goOnLooking(now)
    }

    /// Checks connections in turns, since there may be ten thousand, and each may have requests to be refused.
    private func goOnLooking(_ now: NIODeadline) {
        turns.run {
            let began = NIODeadline.now()
            while let connection = self.unseen.popLast() {
                if connection.isOpen {
                    connection.tick(now)
                    self.evictions?.look(at: connection)
                }
                if .now() - began > LoopTurns.turn, !self.unseen.isEmpty {
                    return self.goOnLooking(now)
                }
            }
            // Taken out first: closing a connection removes it from the loop.
            var evictions = self.evictions.take()
            evictions?.carryOut()
        }
    }

    /// Asks every client to close its connection.
    func beginDraining() {
        for connection in connections.values { connection.beginDraining() }
    }

    /// Ends every connection.
    func cutAll() {
        for connection in connections.values { connection.cut() }
    }
}
