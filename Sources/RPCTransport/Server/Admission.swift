import NIOCore

/// Limits what clients can make the server hold, and decides which connections must close. This comment has all
/// rules, and their worst case.
///
/// **Counting.** All memory that a peer can make the server hold is counted, in two pools. *Requests*, until they are
/// answered: 512 bytes for each call; header fields with 32 bytes more each (RFC 9113, section 6.5.2) and 64 more for
/// each value of a `-bin` field; bodies as they arrive; the memory that decoding will add, before a request is
/// decoded. *Answers*: those of 4 KiB and more, from before they are made, or from when they are made if their size
/// was unknown; everything that a client has not read: messages, statuses, 1 KiB for each call that is answered and
/// whose stream is open, and the frames that wait in nghttp2 and in the channel. Each amount is a `Reservation`,
/// which releases it when its lifetime ends.
///
/// **Requests.** The pool has `requestLimit` bytes, 256 MiB.
/// - A connection may hold half of it. When half of the pool is taken, a connection may hold a share: a quarter of the
///   pool divided by the connections, at least 64 KiB; or a single request of any size.
/// - The last eighth is for small requests, of up to 64 KiB, of connections that hold at most 1 MiB: large requests of
///   some clients cannot stop the small ones of others.
/// - A request that finds no room is refused with RESOURCE_EXHAUSTED: it was not carried out.
/// - The request of a stream is released once it is decoded; only the decoded message stays counted. Complete
///   requests that wait because their client does not read hold room that others need: when half of the pool is
///   taken, a connection that holds more than its share and has read next to nothing for 3 s is closed.
/// - A request must arrive: 64 KiB of it, or its end, in any 20 s; when half of the pool is taken or a request was
///   refused room, 1 MiB in any 2 s. A slower request is refused; in the second case its connection is closed, too. A
///   client whose block of header fields has not ended after 20 s, or 2 s, is asked by a PING, which it cannot answer
///   inside of a block, and its connection is closed when as much time has passed again.
///
/// **Answers.** The pool has `answerLimit` bytes, 256 MiB.
/// - An answer that is known to be large is started when there is room for it. Connections that have read nothing yet
///   share half of the pool, so that they cannot take all of it. An answer that is larger than the pool gets it alone.
/// - If a connection has more than `unreadLimit`, 4 MiB, to read, its requests wait. Once a quarter of the pool is
///   taken, they wait above a share: that quarter divided by the connections, from 8 to 64 KiB.
/// - Once a quarter of the pool is taken, a connection is closed if it holds more than its share and has read less than
///   4 KiB and less than a 64th of it for 30 s, or for 3 s if others were refused room within the last two seconds. The
///   longest silent connection is closed first.
///
/// **Connections.** There are at most `maxConnections`, and half of these from one address; the last eighth is for
/// addresses that have less than a 64th, so that two addresses cannot lock out all others. A connection without calls
/// is asked to close after `idleTimeout`. When three quarters of all connections are taken, it is asked to after 10 s,
/// the longest idle first; then connections are closed whose calls have all waited for their client for 10 s. A
/// connection that has sent no SETTINGS within 10 s is closed; within 2 s when three quarters are taken. An IPv6
/// address counts by its first 64 bits, which a single customer has.
///
/// **Streams.** Resets cost the server work: those that a client sends, and those that it makes the server send, count
/// alike. So does reading header fields: a block of more than eight times `maxHeaderByteCount` ends the connection; so
/// do more than 32 blocks at once, or a second, that exceed the limit itself and are refused. So does changing
/// settings, for which nghttp2 looks at every stream: 100 times at once, then 10 a second; and 1,000 PINGs in a row,
/// then 10 a second.
///
/// **The worst case**, with the values of `RPCServer.Configuration`: 256 MiB of requests and 256 MiB of answers; 112
/// KiB for each connection with requests in flight (its chunk of the pool, the fields that are being read before they
/// are counted, and the received bytes that wait for their turn); and the connections themselves, about 20 KiB each
/// with nghttp2's tables: 1,000 hold 130 MiB. A connection that does not send the end of a field makes nghttp2 hold up
/// to 200 KiB of it, as long as a block may take. On each worker thread, the answer that is being made without a
/// reservation, up to the largest message. A backup, of which there is one at a time, one frame of the ledger: as much as
/// the largest batch, at least 1 MiB.
struct Admission: Sendable {
    /// Connections take bytes for requests from the pool in pieces of this size.
    static let chunkByteCount = 64 << 10
    /// The bytes that an open call takes: its HTTP/2 stream and the server's own state of it.
    static let callByteCount = 512
    /// The bytes that an answered call takes besides its message, while its HTTP/2 stream is open.
    static let answeredCallByteCount = 1 << 10
    /// Smaller answers are counted only if they wait to be read.
    static let largeAnswerByteCount = 4 << 10
    /// Every connection may have this much unread.
    static let leastAnswerShare = 8 << 10
    private static let smallRequestByteCount = 64 << 10
    private static let smallRequestShare = 1 << 20
    /// The time for which a refusal of room counts; longer than the time between two checks.
    static let urgency = TimeAmount.seconds(2)

    let requestLimit: Int
    let answerLimit: Int
    let unreadLimit: Int
    private let mostAnswerShare: Int

    init(_ configuration: RPCServer.Configuration) {
        requestLimit = max(1, configuration.maxBufferedRequestByteCount)
        answerLimit = max(1, configuration.maxHeldAnswerByteCount)
        unreadLimit = configuration.maxUnsentAnswerByteCount
        mostAnswerShare = max(Self.leastAnswerShare, configuration.pressedAnswerByteCount)
    }

    // MARK: requests

    var requestPressure: Int { requestLimit / 2 }

    /// Returns whether a connection may hold `held` bytes that include a request of `requestByteCount`.
    func isWithinShare(
        _ held: Int, of requestByteCount: Int, isPressed: Bool, connectionCount: Int
    ) -> Bool {
        if !isPressed { return held <= requestLimit / 2 }
        return held <= requestShare(among: connectionCount) || held == requestByteCount
    }

    func requestShare(among connectionCount: Int) -> Int {
        max(Self.chunkByteCount, requestLimit / 4 / max(1, connectionCount))
    }

    /// Returns the bytes of the pool that a request of this size must leave free.
    func spared(forRequestOf byteCount: Int, whenHolding held: Int) -> Int {
        if byteCount <= Self.smallRequestByteCount, held <= Self.smallRequestShare { return 0 }
        return requestLimit / 8
    }

    /// Returns how much of a request must arrive, and in which time, unless it ends.
    func leastProgress(isPressed: Bool, patience: Duration) -> (byteCount: Int, time: TimeAmount) {
        isPressed ? (1 << 20, .seconds(2)) : (64 << 10, patience.timeAmount)
    }

    /// Returns how long a block of header fields may take.
    func blockTime(isPressed: Bool, patience: Duration) -> TimeAmount {
        (isPressed ? min(patience, .seconds(2)) : patience).timeAmount
    }

    // MARK: answers

    var answerPressure: Int { answerLimit / 4 }

    func answerShare(among connectionCount: Int) -> Int {
        min(mostAnswerShare, max(Self.leastAnswerShare, answerPressure / max(1, connectionCount)))
    }

    func answerRoom(isReader: Bool) -> Int { isReader ? answerLimit : answerLimit / 2 }
}
