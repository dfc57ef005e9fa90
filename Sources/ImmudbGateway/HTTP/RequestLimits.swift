import NIOCore

/// What strangers may make the gateway hold, and for how long.
struct RequestLimits: Sendable {
    /// The largest body: an entry of 32 MiB, the largest that immudb takes, is 43 MiB in base64.
    var maxBodyByteCount = 48 << 20
    /// The largest header fields of one request, and the largest path: of a key of 65,000 bytes in base64.
    var maxHeaderByteCount = 96 << 10
    /// What of the header goes on to immudb, which takes 16 KiB.
    var maxForwardedByteCount = 12 << 10
    /// Values and names in the JSON of a body: a batch of the most entries has 4 for each.
    var maxValueCount = 8 * 104_857
    /// What reading one of them takes.
    var valueByteCount = 100
    /// All that requests make the gateway hold.
    var maxHeldByteCount = 384 << 20
    /// Answers from this size on are counted before they are received.
    var countedAnswerByteCount = 64 << 10

    var maxConnections = 4_096
    /// Requests that wait for immudb, also those whose clients have gone.
    var maxCallCount = 4_096
    /// Logins that wait for immudb, for which all of them are those of one client: it lets 128 of them wait, and checks four
    /// passwords a second after the first forty.
    var maxLoginCount = 32
    /// Dumps at the same time.
    var maxDumpCount = 32
    /// Requests on one connection that wait for their answers.
    var maxPipelinedRequestCount = 64
    /// How long a call may take that names no time of its own.
    var callTimeout = Duration.seconds(60)
    /// The time for the head of a request, from the beginning of a connection or the end of the answer before.
    var headTimeout = TimeAmount.seconds(30)
    /// The same while three quarters of the connections are taken.
    var crowdedHeadTimeout = TimeAmount.seconds(5)
    /// A body of which fewer bytes than `steadyByteCount` arrive within this time is cut off, unless it ends; beyond the
    /// first MiB it is 16 times as many.
    var bodyTimeout = TimeAmount.seconds(20)
    var steadyByteCount = 64 << 10
    /// A client that has closed its side is waited for so long with its answer.
    var halfClosedTimeout = TimeAmount.seconds(10)
    /// The time that a client has for the rest of its request behind the last answer of a connection.
    var lingerTime = TimeAmount.seconds(10)
    /// A client that takes fewer bytes of its answer than `steadyByteCount` within this time is cut off.
    var readingTimeout = TimeAmount.seconds(20)
    /// The longest time that a request may name for its call.
    var maxCallTimeout = Duration.seconds(600)
}
