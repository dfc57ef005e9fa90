import NIOCore
import Synchronization

/// What the connections of one event loop share: the requests on their way to the workers, and the
/// outbox by which answers come back.
// Unchecked: the outbox is locked; everything else is touched on the event loop only.
final class ServerLoop: @unchecked Sendable {
    enum Parcel {
        case answer(ServerCall)
        /// A message of a stream, behind its prefix.
        case part(ServerCall, ByteBuffer)
        /// A request that a worker did not begin with.
        case returned(ServerCall)
        /// A call whose answer needs that much room.
        case large(ServerCall, Int)
    }

    private struct Outbox {
        var parcels: [Parcel] = []
        var isScheduled = false
        /// The event loop is about to end, and takes nothing more.
        var isClosed = false
        /// Threads between their decision to call `execute` and its return.
        var executing = 0
    }

    let eventLoop: any EventLoop
    let core: ServerCore
    private let outbox = Mutex(Outbox())

    // MARK: event loop

    private(set) var connections: [ObjectIdentifier: ServerConnection] = [:]
    /// Bytes of requests that no handler has taken.
    @exclusivity(unchecked) var bufferedRequestByteCount = 0
    @exclusivity(unchecked) private var forWorkers: [ServerCall] = []
    @exclusivity(unchecked) private var forBlocking: [ServerCall] = []
    @exclusivity(unchecked) private var willSubmit = false
    @exclusivity(unchecked) private var touched: [ServerConnection] = []
    @exclusivity(unchecked) private var spare: [Parcel] = []
    private var awaitingRoom = CircularBuffer<ServerConnection>()
    private var willLook = false

    init(eventLoop: any EventLoop, core: ServerCore) {
        self.eventLoop = eventLoop
        self.core = core
    }

    // MARK: requests to the workers

    /// At the end of the loop's cycle, so that requests of all connections that were read go as one
    /// batch.
    func enqueue(_ call: ServerCall, on execution: RPCMethod.Execution) {
        if execution == .blocking { forBlocking.append(call) } else { forWorkers.append(call) }
        guard !willSubmit else { return }
        willSubmit = true
        eventLoop.execute {
            self.willSubmit = false
            // Taken out first: refusing a call may start others, which come to be queued here.
            var batch: [ServerCall] = []
            swap(&batch, &self.forWorkers)
            Self.submit(batch, to: self.core.workers)
            batch.removeAll(keepingCapacity: true)
            if self.forWorkers.isEmpty { swap(&batch, &self.forWorkers) }
            if !self.forBlocking.isEmpty {
                let batch = self.forBlocking
                self.forBlocking = []
                Self.submit(batch, to: self.core.blocking)
            }
        }
    }

    private static func submit(_ calls: [ServerCall], to pool: WorkerPool) {
        guard !calls.isEmpty else { return }
        for call in calls[pool.submit(calls)...] {
            call.fail(.resourceExhausted, "the server has too many requests waiting")
        }
    }

    // MARK: answers from anywhere

    /// Brings an answered call to its connection.
    func deliver(_ call: ServerCall) {
        if let gatherer = AnswerGatherer.current {
            gatherer.add(call)
        } else if eventLoop.inEventLoop {
            call.connection.submitAnswer(of: call)
            call.connection.sendPending()
        } else {
            post(CollectionOfOne(.answer(call)))
        }
    }

    /// Brings a message of a stream to its connection.
    func deliver(_ message: ByteBuffer, of call: ServerCall) {
        post(CollectionOfOne(.part(call, message)))
    }

    /// Brings a request back that waits until its client has read.
    func handBack(_ call: ServerCall) { post(CollectionOfOne(.returned(call))) }

    /// Brings a call to its connection that goes on when there is room for its answer.
    func post(_ call: ServerCall, needing byteCount: Int) {
        post(CollectionOfOne(.large(call, byteCount)))
    }

    func post(_ calls: [ServerCall]) {
        post(calls.lazy.map { .answer($0) })
    }

    private func post(_ parcels: some Collection<Parcel>) {
        let mustExecute = outbox.withLock { outbox in
            guard !outbox.isClosed else { return false }
            outbox.parcels.append(contentsOf: parcels)
            guard !outbox.isScheduled else { return false }
            outbox.isScheduled = true
            outbox.executing += 1
            return true
        }
        guard mustExecute else { return }
        eventLoop.execute { self.emptyOutbox() }
        outbox.withLock { $0.executing -= 1 }
    }

    private func emptyOutbox() {
        outbox.withLock { outbox in
            outbox.isScheduled = false
            swap(&outbox.parcels, &spare)
        }
        for parcel in spare {
            let connection: ServerConnection
            switch parcel {
            case .answer(let call):
                connection = call.connection
                connection.submitAnswer(of: call)
            case .part(let call, let message):
                connection = call.connection
                connection.submitPart(message, of: call)
            case .returned(let call):
                connection = call.connection
                connection.takeBack(call)
            case .large(let call, let byteCount):
                connection = call.connection
                connection.admit(call, needing: byteCount)
            }
            if !connection.isTouched {
                connection.isTouched = true
                touched.append(connection)
            }
        }
        spare.removeAll(keepingCapacity: spare.count < 4096)
        for connection in touched {
            connection.isTouched = false
            connection.sendPending()
        }
        touched.removeAll(keepingCapacity: true)
    }

    // MARK: waiting for room

    /// Looks at a connection again when others may have read: its requests wait although it has
    /// read what it got.
    ///
    /// Connections take turns. Each is here once, and at most 256 are looked at in 10 ms: 10,000
    /// take 400 ms, and the loop less than a hundredth of its time.
    func awaitRoom(_ connection: ServerConnection) {
        guard !connection.isAwaitingRoom else { return }
        connection.isAwaitingRoom = true
        awaitingRoom.append(connection)
        scheduleLook()
    }

    private func scheduleLook() {
        guard !willLook, !awaitingRoom.isEmpty else { return }
        willLook = true
        eventLoop.scheduleTask(in: Self.lookInterval) {
            self.willLook = false
            for _ in 0..<min(Self.looksAtOnce, self.awaitingRoom.count) {
                let connection = self.awaitingRoom.removeFirst()
                connection.isAwaitingRoom = false
                connection.sendPending()  // which starts what may start
            }
            self.scheduleLook()
        }
    }

    private static let lookInterval = TimeAmount.milliseconds(10)
    private static let looksAtOnce = 256

    /// Takes no more answers. Returns whether no thread is about to call the event loop, after
    /// which it may end.
    func closeOutbox() -> Bool {
        outbox.withLock { outbox in
            outbox.isClosed = true
            outbox.parcels.removeAll()
            return outbox.executing == 0
        }
    }

    // MARK: who does not read

    /// Closes connections that hold room for answers and do not read them, the longest silent
    /// first, until the room is no longer pressed; see `unreadAnswerTimeout`.
    private func closeSilentReaders(_ now: NIODeadline) {
        let answers = core.answers
        guard answers.isPressed else { return }
        let isUrgent = answers.hasDenied(since: now - Self.urgency)
        let timeout = core.configuration.unreadAnswerTimeout
        let latest = now - (isUrgent ? timeout / 10 : timeout).timeAmount
        var left = answers.heldByteCount
        var silent: [(since: NIODeadline, connection: ServerConnection)] = []
        for connection in connections.values {
            if connection.closingSince != nil {
                left -= connection.unread.reportedByteCount  // on its way
            } else if let since = connection.silentSince, since < latest {
                silent.append((since, connection))
            }
        }
        silent.sort { $0.since < $1.since }
        var closed = RPCServer.ClosedReaders()
        for (_, connection) in silent where left > answers.pressure {
            let byteCount = connection.unread.reportedByteCount
            left -= byteCount
            closed.connectionCount += 1
            closed.byteCount += byteCount
            closed.peerAddress = connection.peerAddress
            connection.closeSilent()
        }
        if closed.connectionCount > 0 { core.configuration.closedReaders?(closed) }
    }

    /// How long a refusal of room counts as one: longer than the time between two looks.
    private static let urgency = TimeAmount.seconds(2)

    // MARK: connections

    func add(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    func startTicking() {
        eventLoop.execute {
            let interval = self.core.tickInterval
            self.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
                let now = NIODeadline.now()
                for connection in self.connections.values { connection.tick(now) }
                self.closeSilentReaders(now)
            }
        }
    }

    /// Asks every client to leave.
    func beginDraining() {
        eventLoop.execute {
            for connection in self.connections.values { connection.beginDraining() }
        }
    }

    /// Ends every connection.
    func cutAll() {
        eventLoop.execute {
            for connection in self.connections.values { connection.cut() }
        }
    }
}
