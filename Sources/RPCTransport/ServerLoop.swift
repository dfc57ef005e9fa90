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

    /// Takes no more answers. Returns whether no thread is about to call the event loop, after
    /// which it may end.
    func closeOutbox() -> Bool {
        outbox.withLock { outbox in
            outbox.isClosed = true
            outbox.parcels.removeAll()
            return outbox.executing == 0
        }
    }

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
