import CNghttp2
import NIOCore

/// When requests may start: what clients do not read neither fills the memory nor holds others up.
///
/// Requests of a client that does not read wait here, not their answers. A worker looks again
/// before it begins with one, since meanwhile other answers may have turned out large, and brings
/// it back. What is known to need much, and every stream, waits until room was reserved for it.
extension ServerConnection {
    // MARK: starting

    /// Whether another request may run: what waits to be sent, and what the calls that were just
    /// started will probably add, is within the limit.
    var mayStart: Bool {
        guard answers.mayGoOn else { return false }
        if isWithinLimit { return true }
        let now = NIODeadline.now()
        if now - generationBegan < Self.generationTime { return false }
        generation += 1
        generationBegan = now
        youngCount = 0
        return isWithinLimit
    }

    private var isWithinLimit: Bool {
        unsentAnswerByteCount + youngCount * usualAnswerByteCount <= answers.currentLimit
            || (unsentAnswerByteCount == 0 && youngCount == 0)
    }

    private static let generationTime = TimeAmount.milliseconds(20)

    func leaveGeneration(_ call: ServerCall) {
        if call.generation == generation { youngCount -= 1 }
        call.generation = -1
    }

    /// Starts requests that waited; returns whether it did.
    func startWaiting() -> Bool {
        var hasStarted = false
        while !waiting.isEmpty, mayStart {
            hasStarted = true
            let call = waiting.removeFirst()
            if call.progress == .waiting { start(call) } else { overWhileWaiting -= 1 }
        }
        while let call = waitingForRoom.first {
            if call.progress != .waiting {
                overWhileWaiting -= 1
            } else if answers.reserve(call.neededByteCount) {
                startWithRoom(call)
            } else {
                break
            }
            hasStarted = true
            waitingForRoom.removeFirst()
        }
        // What holds them back may be others, or the passing of time.
        if !waiting.isEmpty || !waitingForRoom.isEmpty { loop.awaitRoom(self) }
        return hasStarted
    }

    func start(_ call: ServerCall) {
        if case .serverStreaming? = call.registered?.handler {
            waitForRoom(call, Self.streamByteCount)
            return
        }
        dropAccount(of: call)
        call.progress = .running
        call.generation = generation
        youngCount += 1
        switch call.registered?.handler {
        case .unary(.eventLoop, let handler): call.run(handler)
        case .unary(let execution, _): loop.enqueue(call, on: execution)
        case .serverStreaming, nil: preconditionFailure("a request for no unary method")
        }
    }

    /// A worker did not begin with it, since its client has too much to read.
    func takeBack(_ call: ServerCall) {
        guard call.progress == .running else { return }
        leaveGeneration(call)
        guard account(call.message.readableBytes, for: call) else {
            refuse(call, .resourceExhausted, "the server holds too many bytes of requests")
            return
        }
        call.progress = .waiting
        waiting.append(call)
    }

    // MARK: large answers and streams

    /// Of a stream, until its first message comes: of the size of a page.
    private static let streamByteCount = 1 << 20
    /// A stream that has said nothing for that long waits for something; it must not hold others
    /// back.
    private static let streamPatience = TimeAmount.seconds(1)

    /// A handler has found that its answer needs that much.
    func admit(_ call: ServerCall, needing byteCount: Int) {
        guard call.progress == .running else {
            call.largeBody = nil
            return
        }
        leaveGeneration(call)
        waitForRoom(call, byteCount)
    }

    /// `startWaiting` follows, in `sendPending`.
    private func waitForRoom(_ call: ServerCall, _ byteCount: Int) {
        call.neededByteCount = max(1, byteCount)
        call.progress = .waiting
        waitingForRoom.append(call)
    }

    private func startWithRoom(_ call: ServerCall) {
        dropAccount(of: call)
        call.progress = .running
        call.setReservation(call.neededByteCount)
        guard case .serverStreaming(let handler)? = call.registered?.handler else {
            loop.enqueue(call, on: .blocking)
            return
        }
        let stream = ServerStream(call)
        call.stream = stream
        loop.eventLoop.scheduleTask(in: Self.streamPatience) { call.releaseReservation() }
        stream.start(handler)
    }

    /// It was answered or its stream was closed while it waited. Those that are over leave the
    /// queues when they are many: a client that cancels what waits must not fill them.
    func forgetWaiting(_ call: ServerCall) {
        call.message = ByteBuffer()
        call.largeBody = nil
        overWhileWaiting += 1
        guard overWhileWaiting > 64,
            overWhileWaiting > (waiting.count + waitingForRoom.count) / 2
        else { return }
        waiting.removeAll { $0.progress != .waiting }
        waitingForRoom.removeAll { $0.progress != .waiting }
        overWhileWaiting = 0
    }

    // MARK: what is not read

    /// Counts, when nothing more can be sent, what of the answers is left.
    func countUnread(inChannel byteCount: Int) {
        let left = unsentAnswerByteCount + byteCount
        guard left > 0 || unread.reportedByteCount > 0 else { return }
        answers.add(left - unread.reportedByteCount)
        unread.reportedByteCount = left
        unread.note(left: unread.framedByteCount - byteCount)
    }

    /// Since when it has read next to nothing of more than its share.
    var silentSince: NIODeadline? {
        unread.reportedByteCount > core.answers.share ? unread.silentSince : nil
    }

    /// Ends the connection of a client that does not read.
    func closeSilent() {
        if unwritableSince == nil {
            terminate(HTTP2.enhanceYourCalm)
        } else {
            cut()  // it would not read that either
        }
    }
}

/// What a connection knows of answers that its client has not read.
struct UnreadAnswers {
    /// Reading less than this is reading nothing.
    private static let progressByteCount = 4 << 10

    /// Bytes of answers that were framed, ever.
    var framedByteCount = 0
    /// What the account has of this connection beside what is being made.
    var reportedByteCount = 0
    /// Since when there is something to read, and little was read; nil when there is nothing.
    private(set) var silentSince: NIODeadline?
    /// Bytes that had left by then.
    private var leftByteCount = 0

    mutating func note(left byteCount: Int) {
        if reportedByteCount == 0 {
            silentSince = nil
        } else if silentSince == nil || byteCount - leftByteCount >= Self.progressByteCount {
            silentSince = .now()
            leftByteCount = byteCount
        }
    }
}
