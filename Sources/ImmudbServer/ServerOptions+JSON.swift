import ImmudbStore
import POSIX

/// The options of the process around the server, which the server only logs.
public struct ProcessOptions: Hashable, Sendable {
    /// The path of the config file; empty if there is none, as for the other files.
    public var configFile = ""
    public var pidFile = ""
    public var logFile = ""
    public var isWithoutHistograms = false
    public var isDetached = false

    public init() {}
}

extension ServerOptions {
    /// The options as one line of JSON for the log: the original's names in the original's order,
    /// as far as this server has them, then its own.
    package var json: String {
        let members = [
            ("Dir", JSONLine.string(directory)), ("Address", JSONLine.string(address)),
            ("Port", "\(port)"), ("MetricsPort", "\(metricsPort)"),
            ("DbName", JSONLine.string(databaseName)),
            ("Config", JSONLine.string(process.configFile)),
            ("Pidfile", JSONLine.string(process.pidFile)),
            ("Logfile", JSONLine.string(process.logFile)),
            ("MTLs", "\(mutualTLS.isOn)"),
            ("MTLsOptions", JSONLine.object(mutualTLS.members)),
            ("Auth", "\(isAuthenticating)"),
            ("NoHistograms", "\(process.isWithoutHistograms)"),
            ("Detached", "\(process.isDetached)"),
            ("Durability", JSONLine.string(durability.word)),
            ("MaxRecvMsgSize", "\(maxReceiveMessageByteCount)"),
            ("ConsistencyCheck", "\(selfCheck != nil)"),
            ("ConsistencyCheckRate", "\(selfCheck?.entriesPerSecond ?? 0)"),
            ("ServeDamaged", "\(servesDamaged)"),
            ("SigningKey", JSONLine.string(signingKeyFile)),
        ]
        return JSONLine.object(members)
    }
}

extension MutualTLSOptions {
    fileprivate var members: [(String, String)] {
        [
            ("Pkey", JSONLine.string(key)), ("Certificate", JSONLine.string(certificate)),
            ("ClientCAs", JSONLine.string(clientAuthorities)),
        ]
    }
}

extension Durability {
    fileprivate var word: String {
        switch self {
        case .always: "always"
        case .interval(let milliseconds): "interval of \(milliseconds) ms"
        case .never: "never"
        }
    }
}
