import NIOCore

/// The limits on the memory and time that clients can make the gateway use.
struct RequestLimits: Sendable {
    /// The largest body: an entry of 32 MiB, the largest that immudb accepts, is 43 MiB in base64.
    var maxBodyByteCount = 48 << 20
    /// The largest header fields of one request, and the largest path, that of a key of 65,000 bytes in base64.
    var maxHeaderByteCount = 96 << 10
    /// The largest part of the header that is forwarded to immudb, which accepts 16 KiB.
    var maxForwardedByteCount = 12 << 10
    /// The number of values and names in the JSON of a body. The largest batch has 4 for each
    /// entry.
    var maxValueCount = 8 * 104_857
    /// The memory that reading one of them takes.
    var valueByteCount = 100
    /// The memory that the gateway holds for all requests.
    var maxHeldByteCount = 384 << 20
    /// Answers of at least this size are counted before they are received.
    var countedAnswerByteCount = 64 << 10

    var maxConnections = 4_096
    /// Requests that wait for immudb, including those whose clients have disconnected.
    var maxCallCount = 4_096
    /// Logins that wait for immudb. To immudb they all come from one client: it lets 128 of them wait, and checks
    /// four passwords a second after the first forty.
    var maxLoginCount = 32
    /// Dumps at the same time.
    var maxDumpCount = 32
    /// Requests on one connection that wait for their answers.
    var maxPipelinedRequestCount = 64
    /// The time limit of a call that does not name one.
    var callTimeout = Duration.seconds(60)
    /// The time for the head of a request, from the start of the connection or the end of the previous answer.
    var headTimeout = TimeAmount.seconds(30)
    /// The same while three quarters of the connections are in use.
    var crowdedHeadTimeout = TimeAmount.seconds(5)
    /// A body is cut off if fewer than `steadyByteCount` bytes arrive within this time and it does not end; after the
    /// first MiB, 16 times as many must arrive.
    var bodyTimeout = TimeAmount.seconds(20)
    var steadyByteCount = 64 << 10
    /// The time that a client has to read its answer after it has closed its side.
    var halfClosedTimeout = TimeAmount.seconds(10)
    /// The time that a client has to finish its request after the last answer of a connection.
    var lingerTime = TimeAmount.seconds(10)
    /// A client that reads fewer than `steadyByteCount` bytes of its answer within this time is cut off.
    var readingTimeout = TimeAmount.seconds(20)
    /// The longest time that a request may name for its call.
    var maxCallTimeout = Duration.seconds(600)
}
