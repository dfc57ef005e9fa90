import CNghttp2
import NIOCore

/// Checks that the loop makes periodically: whether the client is alive, whether the connection must close so that
/// others are served, and draining.
extension ServerConnection {
    // MARK: evictions

    var isOpen: Bool { http2.session != nil }
    var isClosing: Bool { http2.closingSince != nil }
    var unreadByteCount: Int { outbox.unread.room.byteCount }

    /// The time since which the client has held more than its share and read next to nothing.
    var silentSince: NIODeadline? {
        unreadByteCount > core.account.answerShare ? outbox.unread.silentSince : nil
    }

    /// The time since which the connection has had no call.
    var idleSince: NIODeadline? {
        guard calls.isEmpty, progress.hasHandshake, !draining.hasBegun else { return nil }
        return progress.restingSince
    }

    /// The time since which all calls have waited, without progress, for the client to send its request or to read
    /// its answer.
    var stuckSince: NIODeadline? {
        guard let since = progress.restingSince, !calls.isEmpty,
            calls.allWaitForClient(whichHasUnread: outbox.unsentByteCount > 0)
        else { return nil }
        return since
    }

    /// Ends the connection if a block of header fields has been open for longer than `time`.
    func endOpenBlock(after time: TimeAmount, _ now: NIODeadline) {
        switch progress.look(atBlockSince: http2.openBlockSince, now, time) {
        case .inTime: break
        case .unknown: submitPing()
        case .overdue: cut()
        }
    }

    /// Ends the connection of a client that does not read.
    func closeSilent() {
        if http2.unwritableSince == nil {
            terminate(HTTP2.enhanceYourCalm)
        } else {
            cut()  // it would not read a GOAWAY either
        }
    }

    var hasRequests: Bool { origin.account.requestByteCount > 0 }
    var requestByteCount: Int { origin.account.requestByteCount }

    /// Refuses requests of which less than `byteCount` has arrived within `time`; returns whether there were any.
    func refuseSlowRequests(_ now: NIODeadline, _ byteCount: Int, _ time: TimeAmount) -> Bool {
        let slow = calls.slow(now, byteCount, time)
        let refusal = Answer(code: .resourceExhausted, text: "the request came too slowly")
        for call in slow {
            if call.phase == .conversing {
                endConversation(call, refusal)
            } else {
                send(refusal, for: call)
            }
        }
        if !slow.isEmpty { sendPending() }
        return !slow.isEmpty
    }

    // MARK: life signs

    func tick(_ now: NIODeadline) {
        let configuration = core.configuration
        if unreadByteCount > 0 { outbox.count(queued: http2.queuedByteCount) }
        let limits = LifeSigns.Limits(
            stalledWrite: configuration.stalledWriteTimeout.timeAmount,
            silence: configuration.keepaliveInterval.timeAmount,
            answer: configuration.keepaliveTimeout.timeAmount)
        if http2.closingSince == nil, progress.lacksHandshake(now, after: handshakeTimeout) {
            cut()
        } else {
            switch lifeSigns.look(at: http2, now, limits, mayAsk: progress.hasHandshake) {
            case .alive: break
            case .unknown:
                lifeSigns.noteAsked(now)
                submitPing()
            case .dead: cut()
            }
        }
        if draining.isOverdue(now) { finishDraining() }
        if progress.tick(now), calls.isEmpty { releaseSpareMemory() }
    }

    /// Submits a PING, whose acknowledgement is a sign of life.
    private func submitPing() {
        guard let session = http2.session else { return }
        nghttp2_submit_ping(session, HTTP2.none, nil)
        sendPending()
    }

    private var handshakeTimeout: Duration {
        let timeout = core.configuration.handshakeTimeout
        return core.connections.isShort ? min(timeout, .seconds(2)) : timeout
    }

    /// Frees memory that only a busy connection needs.
    private func releaseSpareMemory() {
        http2.releaseSpareMemory()
        origin.account.settleAtRest()
    }

    // MARK: draining

    /// Tells the client to open no more streams. Requests that it sent before it read that are still served.
    func beginDraining() {
        guard let session = http2.session, draining.begin(session) else { return }
        endRestingConversations()
        sendPending()
    }

    func finishDraining() {
        guard let session = http2.session, draining.finish(session) else { return }
        sendPending()  // or, inside of a callback, when the read is over
    }
}
