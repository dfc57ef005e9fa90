import ImmudbStore

/// The options of the process around the server, which the server only logs.
public struct ProcessOptions: Hashable, Sendable {
    /// Empty if no file is set, as for the other files.
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
            ("Dir", JSONText.string(directory)), ("Address", JSONText.string(address)),
            ("Port", "\(port)"), ("MetricsPort", "\(metricsPort)"),
            ("DbName", JSONText.string(databaseName)),
            ("Config", JSONText.string(process.configFile)),
            ("Pidfile", JSONText.string(process.pidFile)),
            ("Logfile", JSONText.string(process.logFile)),
            ("MTLs", "\(mutualTLS.isOn)"),
            ("MTLsOptions", JSONText.object(mutualTLS.members)),
            ("Auth", "\(isAuthenticating)"),
            ("NoHistograms", "\(process.isWithoutHistograms)"),
            ("Detached", "\(process.isDetached)"),
            ("Durability", JSONText.string(durability.word)),
            ("MaxRecvMsgSize", "\(maxReceiveMessageByteCount)"),
        ]
        return JSONText.object(members)
    }
}

extension MutualTLSOptions {
    fileprivate var members: [(String, String)] {
        [
            ("Pkey", JSONText.string(key)), ("Certificate", JSONText.string(certificate)),
            ("ClientCAs", JSONText.string(clientAuthorities)),
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
