import NIOCore

/// What strangers may make the gateway hold, and for how long.
struct RequestLimits: Sendable {
    /// The largest body: an entry of 32 MiB, the largest that immudb takes, is 43 MiB in base64.
    var maxBodyByteCount = 48 << 20
    /// The largest header fields of one request, all of them together.
    var maxHeaderByteCount = 16 << 10
    /// Values and names in the JSON of a body: a batch of the most entries has 4 for each.
    var maxValueCount = 8 * 104_857
    /// What reading one of them takes.
    var valueByteCount = 100
    /// All that requests make the gateway hold.
    var maxHeldByteCount = 384 << 20
    /// Answers from this size on are counted before they are received.
    var countedAnswerByteCount = 64 << 10

    var maxConnections = 4_096
    /// How long a call may take that names no time of its own.
    var callTimeout = Duration.seconds(60)
    /// The time for the head of a request, from the beginning of a connection or the end of the answer before.
    var headTimeout = TimeAmount.seconds(30)
    /// The same while three quarters of the connections are taken.
    var crowdedHeadTimeout = TimeAmount.seconds(5)
    /// A body of which less than 64 KiB arrives within this time is cut off, unless it ends.
    var bodyTimeout = TimeAmount.seconds(20)
    /// A client that has closed its side is waited for so long with its answer.
    var halfClosedTimeout = TimeAmount.seconds(10)
    /// The time between the last answer of a connection and its end.
    var lingerTime = TimeAmount.seconds(1)
    /// A client that reads nothing of its answer for this long is cut off.
    var stalledWriteTimeout = TimeAmount.seconds(20)
}
