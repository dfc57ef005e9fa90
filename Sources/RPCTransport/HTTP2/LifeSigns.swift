import NIOCore

/// Decides whether the peer of a connection is alive: it must read, answer a PING, and close when it was told to.
/// Event loop only.
struct LifeSigns {
    struct Limits {
        /// The time for which a socket may accept nothing.
        var stalledWrite: TimeAmount
        /// The time for which the peer may send nothing before it is asked for a sign of life.
        var silence: TimeAmount
        /// The time that its answer may take.
        var answer: TimeAmount
    }

    enum Verdict {
        case alive
        /// The peer must be asked by a PING.
        case unknown
        case dead(Reason)
    }

    enum Reason {
        /// The peer was told that the connection ends, and keeps it open.
        case doesNotClose
        case doesNotRead
        case doesNotAnswer
    }

    private static let closingTime = TimeAmount.seconds(5)

    private var asked: NIODeadline?

    /// Notes that a PING was submitted.
    mutating func noteAsked(_ now: NIODeadline) { asked = now }

    /// Whether an answer to a PING is awaited.
    var isAsked: Bool { asked != nil }

    /// - Parameter mayAsk: whether silence alone is a reason to ask.
    mutating func look(
        at http2: HTTP2Connection, _ now: NIODeadline, _ limits: Limits, mayAsk: Bool
    ) -> Verdict {
        if let closingSince = http2.closingSince {
            return now - closingSince > Self.closingTime ? .dead(.doesNotClose) : .alive
        }
        if let unwritableSince = http2.unwritableSince, now - unwritableSince > limits.stalledWrite
        {
            return .dead(.doesNotRead)
        }
        if let asked {
            if http2.lastRead > asked {
                self.asked = nil
            } else if now - asked > limits.answer {
                return .dead(.doesNotAnswer)
            }
            return .alive
        }
        return mayAsk && now - http2.lastRead > limits.silence ? .unknown : .alive
    }
}
