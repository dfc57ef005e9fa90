/// The reason why a server's metrics cannot be shown.
public struct MetricsError: Error, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Nothing listens at the address, or it does not answer in time.
        case unreachable
        /// The answer is not the `/metrics` of immudb.
        case notMetrics
        case tooLarge
    }

    public let code: Code
    /// The reason in a few words.
    public let reason: String
    /// The address of the metrics: `host:port`.
    public var address: String?

    public init(_ code: Code, _ reason: String, address: String? = nil) {
        self.code = code
        self.reason = reason
        self.address = address
    }

    /// The address, the reason, and what to do.
    public var description: String {
        guard let address else { return reason }
        return
            "no metrics from \(address): \(reason). immudb serves them on the port of its --metrics-port "
            + "(9497) at its --metrics-address. If that is another port, give it to immuadmin with "
            + "--metrics-port"
    }
}
