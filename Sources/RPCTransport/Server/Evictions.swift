import NIOCore

/// One pass over the connections of a loop: finds those that must close so that others can be served, by the rules of
/// `Admission`.
struct Evictions {
    private static let slowAtOnce = 8

    private let core: ServerCore
    private let now: NIODeadline
    private let isShortOfConnections: Bool
    private let bodiesArePressed: Bool
    /// The time that a block of header fields may take.
    private let blockTime: TimeAmount
    /// Connections that have read next to nothing since before this time are silent.
    private let unreadSince: NIODeadline
    /// The same for connections whose requests wait for their client to read, and hold room that others need.
    private let heldSince: NIODeadline
    /// Bytes of answers that are held, less those of connections that are closing.
    private var heldByteCount: Int
    private var silent: [(since: NIODeadline, connection: ServerConnection)] = []
    private var holding: [(since: NIODeadline, connection: ServerConnection)] = []
    private var idle: [(since: NIODeadline, connection: ServerConnection)] = []
    private var stuck: [(since: NIODeadline, connection: ServerConnection)] = []
    private var slow: [ServerConnection] = []

    init(_ core: ServerCore, _ now: NIODeadline) {
        self.core = core
        self.now = now
        let account = core.account
        isShortOfConnections = core.connections.isShort
        bodiesArePressed =
            account.isPressedByRequests || account.hasDeniedRequest(since: now - Admission.urgency)
        blockTime = account.admission.blockTime(
            isPressed: bodiesArePressed || isShortOfConnections,
            patience: core.configuration.slowRequestTimeout)
        let timeout = core.configuration.unreadAnswerTimeout
        let isUrgent = account.hasDeniedAnswer(since: now - Admission.urgency)
        unreadSince = now - (isUrgent ? timeout / 10 : timeout).timeAmount
        heldSince = now - (timeout / 10).timeAmount
        heldByteCount = account.answerByteCount
    }

    mutating func look(at connection: ServerConnection) {
        if connection.isClosing {
            heldByteCount -= connection.unreadByteCount
            return
        }
        if let since = connection.silentSince, since < unreadSince {
            silent.append((since, connection))
        }
        if bodiesArePressed, let since = connection.silentSince, since < heldSince,
            connection.requestByteCount > core.account.requestShare
        {
            holding.append((since, connection))
        }
        if connection.hasRequests {
            let (byteCount, time) = core.account.admission.leastProgress(
                isPressed: bodiesArePressed, patience: core.configuration.slowRequestTimeout)
            if connection.refuseSlowRequests(now, byteCount, time), bodiesArePressed {
                slow.append(connection)
            }
        }
        connection.endOpenBlock(after: blockTime, now)
        if let since = connection.idleSince { idle.append((since, connection)) }
        if isShortOfConnections, let since = connection.stuckSince {
            stuck.append((since, connection))
        }
    }

    mutating func carryOut() {
        closeSilent()
        closeHolding()
        closeSlow()
        endIdle()
        let refused = core.connections.takeRefused(now)
        if refused > 0 { core.configuration.shortage?(.refused(connectionCount: refused)) }
    }

    private mutating func closeSilent() {
        guard core.account.isPressedByAnswers else { return }
        silent.sort { $0.since < $1.since }
        var closed = RPCServer.ClosedConnections()
        for (_, connection) in silent where heldByteCount > core.account.admission.answerPressure {
            let byteCount = connection.unreadByteCount
            heldByteCount -= byteCount
            closed.add(connection.origin.peerAddress, byteCount)
            connection.closeSilent()
        }
        if closed.connectionCount > 0 { core.configuration.shortage?(.didNotRead(closed)) }
    }

    /// Closes connections whose complete requests wait until their answers are read.
    private mutating func closeHolding() {
        holding.sort { $0.since < $1.since }
        var closed = RPCServer.ClosedConnections()
        var held = core.account.requestByteCount
        for (_, connection) in holding where !connection.isClosing {
            // A request was refused room, so one connection must close in any case.
            guard closed.connectionCount == 0 || held > core.account.admission.requestPressure
            else {
                break
            }
            held -= connection.requestByteCount
            closed.add(connection.origin.peerAddress, connection.requestByteCount)
            connection.closeSilent()
        }
        if closed.connectionCount > 0 { core.configuration.shortage?(.didNotRead(closed)) }
    }

    /// Closes slow connections, those that hold most first, a few in each pass: each can have a thousand calls to end.
    private mutating func closeSlow() {
        var closed = RPCServer.ClosedConnections()
        slow.sort { $0.requestByteCount > $1.requestByteCount }
        for connection in slow.prefix(Self.slowAtOnce) {
            closed.add(connection.origin.peerAddress, connection.requestByteCount)
            connection.terminate(HTTP2.enhanceYourCalm)
        }
        if closed.connectionCount > 0 {
            core.configuration.shortage?(.sentTooSlowly(closed))
        }
    }

    private mutating func endIdle() {
        let timeout = core.configuration.idleTimeout.timeAmount
        let latest = now - (isShortOfConnections ? min(timeout, .seconds(10)) : timeout)
        idle.removeAll { $0.since > latest }
        if isShortOfConnections {
            // Close enough to bring the server back below its threshold, shared among all loops.
            var count =
                core.connections.countAboveThreshold
                / max(1, core.configuration.eventLoopThreadCount) + 1
            Self.keepFirst(count, of: &idle)
            count -= idle.count
            stuck.removeAll { $0.since > latest }
            Self.keepFirst(count, of: &stuck)
            for (_, connection) in stuck { connection.terminate(HTTP2.enhanceYourCalm) }
        }
        for (_, connection) in idle { connection.beginDraining() }
    }

    private static func keepFirst(
        _ count: Int, of list: inout [(since: NIODeadline, connection: ServerConnection)]
    ) {
        list.sort { $0.since < $1.since }
        list.removeLast(max(0, list.count - count))
    }
}
