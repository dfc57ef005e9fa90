import NIOCore

/// Who may make the server hold how much, and who has to go: every rule of it, and the worst case.
///
/// **What is counted.** All that a peer can make the server hold, in two pools. *Requests*: 512 bytes
/// for each call; header fields with 32 bytes more each (RFC 9113, section 6.5.2) and 64 more for
/// each value of a `-bin` field; bodies as they arrive; what decoding them will add, before they are
/// decoded; until the call is answered. *Answers*: those of 4 KiB and more from before they are made,
/// or when they are made without knowing their size; all that a client has not read: messages,
/// statuses, 1 KiB for each call that is answered and whose stream is open, and the frames that wait
/// in nghttp2 and in the channel. Each amount is a `Reservation`, whose end gives it back.
///
/// **Requests.** The pool has `requestLimit` bytes, 256 MiB.
/// - A connection may hold half of it. When half of the pool is taken, it may hold a share: a
///   quarter of the pool divided by the connections, at least 64 KiB; or one request alone, whatever
///   its size.
/// - The last eighth is for small requests, of up to 64 KiB, of connections that hold at most 1 MiB:
///   large requests of some clients cannot stop the small ones of others.
/// - What finds no room is refused with RESOURCE_EXHAUSTED: it was not carried out.
/// - A stream's request is given back once it is decoded, but for what it was decoded to. Requests that
///   are complete and wait because their client does not read, hold the room of others: when half of
///   the pool is taken, a connection that holds more than that share and has read next to nothing for
///   3 s is closed.
/// - A request has to arrive: 64 KiB of it, or its end, in any 20 s; when half of the pool is taken
///   or somebody was refused room, 1 MiB in any 2 s. Who is slower is refused; then the connection
///   is closed, too. A client whose block of header fields has not ended after 20 s, or 2 s, is asked
///   by a PING, which it cannot answer inside of a block, and closed when as much time has passed again.
///
/// **Answers.** The pool has `answerLimit` bytes, 256 MiB.
/// - An answer that is known to be large is begun when there is room for it. Connections that have
///   read nothing yet have half of the pool, so that they cannot take it all. One that is larger
///   than the pool gets it alone.
/// - Requests of a connection that has more than `unreadLimit`, 4 MiB, to read wait; once a quarter
///   of the pool is taken, above a share: that quarter divided by the connections, from 8 to 64 KiB.
/// - Once a quarter of the pool is taken, a connection that holds more than its share and has read
///   less than 4 KiB and less than a 64th of it for 30 s is closed, the longest silent first; after
///   3 s when others were refused room within the last two.
///
/// **Connections.** At most `maxConnections`, and half of these from one address; the last eighth is for
/// addresses that have less than a 64th, so that two cannot lock all others out. One without calls
/// is asked to leave after `idleTimeout`; after 10 s when three quarters of all are taken, the
/// longest idle first, and then those are closed whose calls have all waited for their client for
/// 10 s. One that has sent no SETTINGS within 10 s is closed, within 2 s then. An address of IPv6 counts
/// by its first 64 bits, which is what a single customer has.
///
/// **Streams.** Resets cost the server work: those that a client sends, and those that it makes the
/// server send, count alike. So does reading header fields: a block of more than eight times
/// `maxHeaderByteCount` ends the connection; so do more than 32 blocks at once, or a second, that exceed the
/// limit itself and are refused. So does changing settings, for which nghttp2 looks at every stream: 100
/// times at once, then 10 a second; and 1,000 PINGs in a row, then 10 a second.
///
/// **The worst case**, with the values of `RPCServer.Configuration`: 256 MiB of requests and 256 MiB
/// of answers; beside them 112 KiB for each connection with requests in flight (the chunk that it
/// keeps at hand, the fields that are being read before they are counted, and what was received and waits
/// for its turn) and what a connection is, about 20 KiB with nghttp2's tables: 1,000 hold 130 MiB. A connection that keeps back
/// the end of a field makes nghttp2 hold up to 200 KiB of it, as long as a block may take. On each
/// worker thread the answer that is being made without a reservation, up to the largest message.
struct Admission: Sendable {
    /// Connections take bytes for requests from the pool in pieces of this size.
    static let chunkByteCount = 64 << 10
    /// What an open call takes: its HTTP/2 stream and the server's own state of it.
    static let callByteCount = 512
    /// What is left of a call that is answered, beside its message, while its HTTP/2 stream is open.
    static let answeredCallByteCount = 1 << 10
    /// Smaller answers are counted only when they stay.
    static let largeAnswerByteCount = 4 << 10
    /// Every connection may have that much unread.
    static let leastAnswerShare = 8 << 10
    private static let smallRequestByteCount = 64 << 10
    private static let smallRequestShare = 1 << 20
    /// How long a refusal of room counts as one: longer than the time between two looks.
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

    /// Whether a connection may hold so many bytes, with a request of that size among them.
    func isWithinShare(
        _ held: Int, of requestByteCount: Int, isPressed: Bool, connectionCount: Int
    ) -> Bool {
        if !isPressed { return held <= requestLimit / 2 }
        return held <= requestShare(among: connectionCount) || held == requestByteCount
    }

    func requestShare(among connectionCount: Int) -> Int {
        max(Self.chunkByteCount, requestLimit / 4 / max(1, connectionCount))
    }

    /// The bytes of the pool that a request of that size must leave free.
    func spared(forRequestOf byteCount: Int, whenHolding held: Int) -> Int {
        if byteCount <= Self.smallRequestByteCount, held <= Self.smallRequestShare { return 0 }
        return requestLimit / 8
    }

    /// What must arrive of a request, and in which time, unless it ends.
    func leastProgress(isPressed: Bool, patience: Duration) -> (byteCount: Int, time: TimeAmount) {
        isPressed ? (1 << 20, .seconds(2)) : (64 << 10, patience.timeAmount)
    }

    /// The time that a block of header fields may take.
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
