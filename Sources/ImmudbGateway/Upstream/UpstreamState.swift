import ImmudbProtocol
import RPCTransport

extension Upstream {
    /// What is known of immudb since it was asked last.
    struct State: Sendable {
        /// Whether it answered.
        var isReachable = false
        /// Who it is; nil if it never answered.
        var identity: String?
        /// Whether it takes writes; nil if it has not said.
        var takesWrites: Bool?
        /// Whether it refuses a call of data without a token; nil if it has not said.
        var authentication: Bool?
        /// When it was asked that.
        var authenticationAsked: ContinuousClock.Instant?
        /// Why it does not serve everything; nil if it does.
        var problem: String? = "immudb has not been asked yet"
        /// Whether the problem is that another server answers than the one that was trusted.
        var isServerChanged = false
    }
}

extension Upstream.State {
    /// What an answer to a Health call says.
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
