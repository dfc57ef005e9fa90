import ImmudbProtocol
import RPCTransport

extension Upstream {
    /// The state of immudb at the last check.
    struct State: Sendable {
        /// Whether it answered.
        var isReachable = false
        /// Its identity; nil if it never answered.
        var identity: String?
        /// Whether it accepts writes; nil if unknown.
        var takesWrites: Bool?
        /// Whether it refuses data calls without a token; nil if unknown.
        var authentication: Bool?
        /// The time of the last check of `authentication`.
        var authenticationAsked: ContinuousClock.Instant?
        /// The reason why it does not serve everything; nil if it does.
        var problem: String? = "immudb has not been asked yet"
        /// Whether the problem is that the server is not the trusted one.
        var isServerChanged = false
    }
}

extension Upstream.State {
    /// Reads the answer to a Health call.
    init(_ health: RPCResponse<Immudb_Schema_HealthResponse>) {
        isReachable = true
        identity = health.headers.first(ImmuMetadata.serverIdentity)
        let writeProblem = health.trailers.first(ImmuMetadata.writeProblem)
        let readProblem = health.trailers.first(ImmuMetadata.readProblem)
        if writeProblem != nil {
            takesWrites = false
        } else if health.message.status || readProblem != nil {
            takesWrites = true
        }
        problem =
            writeProblem.map { "it takes no writes: \($0)" }
            ?? readProblem.map { "it cannot be read: \($0)" }
            ?? (health.message.status ? nil : "it says that it is not well")
    }
}
