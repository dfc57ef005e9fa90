import NIOCore

/// One look at the connections of a loop: which of them have to go so that others can be served. The
/// rules are those of `Admission`.
struct Evictions {
    private let core: ServerCore
    private let now: NIODeadline
    private let isShortOfConnections: Bool
    private let bodiesArePressed: Bool
    /// Blocks of header fields that began before have to have ended.
    private let oldestBlock: NIODeadline
    private let unreadSince: NIODeadline
    /// Bytes of answers that are held, less those of connections that are going.
    private var heldByteCount: Int
    private var silent: [(since: NIODeadline, connection: ServerConnection)] = []
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
        let blockTime = account.admission.blockTime(
            isPressed: bodiesArePressed || isShortOfConnections,
            patience: core.configuration.slowRequestTimeout)
        oldestBlock = now - blockTime
        let timeout = core.configuration.unreadAnswerTimeout
        let isUrgent = account.hasDeniedAnswer(since: now - Admission.urgency)
        unreadSince = now - (isUrgent ? timeout / 10 : timeout).timeAmount
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
        if connection.hasIncompleteRequests {
            let (byteCount, time) = core.account.admission.leastProgress(
                isPressed: bodiesArePressed, patience: core.configuration.slowRequestTimeout)
            if connection.refuseSlowRequests(now, byteCount, time), bodiesArePressed {
                slow.append(connection)
            }
        }
        if connection.hasOpenBlock(since: oldestBlock) { connection.cut() }
        if let since = connection.idleSince { idle.append((since, connection)) }
        if isShortOfConnections, let since = connection.stuckSince {
            stuck.append((since, connection))
        }
    }

    mutating func carryOut() {
        closeSilent()
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

    private func closeSlow() {
        var closed = RPCServer.ClosedConnections()
        for connection in slow {
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
            // As many as bring the server back below its threshold, on all loops together.
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
