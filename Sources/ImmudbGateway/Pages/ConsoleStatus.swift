import ImmudbClient
import NIOCore

/// The state of the gateway and of immudb, for the console.
enum ConsoleStatus {
    static func json(_ core: GatewayCore) -> String {
        let state = core.upstream.state
        var text = JSONText()
        text.object { text in
            text.field("version", string: ImmudbClient.version)
            if let authentication = state.authentication {
                text.field("authentication", bool: authentication)
            }
            text.name("gateway")
            text.object { text in
                let uptime = (ContinuousClock.now - core.started).components.seconds
                text.field("uptimeSeconds", number: UInt64(max(0, uptime)))
                text.field("requests", number: UInt64(core.metrics.requestCount))
                text.field("verifications", number: UInt64(core.metrics.verifiedCount))
                text.field("failedVerifications", number: UInt64(core.metrics.failedCount))
                text.field("connections", number: UInt64(max(0, core.connections.current)))
                text.field("isStrict", bool: core.options.isStrict)
            }
            text.name("immudb")
            text.object { text in
                text.field("address", string: core.upstream.address)
                if let identity = state.identity { text.field("uuid", string: identity) }
                text.field("isReachable", bool: state.isReachable)
                text.field("isEmbedded", bool: core.upstream.isEmbedded)
                if let takesWrites = state.takesWrites {
                    text.field("takesWrites", bool: takesWrites)
                }
                if let problem = state.problem { text.field("problem", string: problem) }
            }
        }
        return String(buffer: text.buffer)
    }
}
