import ImmudbStore

/// What an operator set of the process, besides its server: known here for the log only.
public struct ProcessOptions: Hashable, Sendable {
    /// Empty where there is none, as for the other files.
    public var configFile = ""
    public var pidFile = ""
    public var logFile = ""
    public var isWithoutHistograms = false
    public var isDetached = false

    public init() {}
}

extension ServerOptions {
    /// The options as one line of JSON for the log: the original's names in the original's order,
    /// as far as they mean something here, and then our own.
    package var json: String {
        let members = [
            ("Dir", JSON.string(directory)), ("Address", JSON.string(address)),
            ("Port", "\(port)"), ("MetricsPort", "\(metricsPort)"),
            ("DbName", JSON.string(databaseName)),
            ("Config", JSON.string(process.configFile)),
            ("Pidfile", JSON.string(process.pidFile)),
            ("Logfile", JSON.string(process.logFile)),
            ("MTLs", "\(mutualTLS.isOn)"),
            ("MTLsOptions", JSON.object(mutualTLS.members)),
            ("Auth", "\(isAuthenticating)"),
            ("NoHistograms", "\(process.isWithoutHistograms)"),
            ("Detached", "\(process.isDetached)"),
            ("Durability", JSON.string(durability.word)),
            ("MaxRecvMsgSize", "\(maxReceiveMessageByteCount)"),
        ]
        return JSON.object(members)
    }
}

extension MutualTLSOptions {
    fileprivate var members: [(String, String)] {
        [
            ("Pkey", JSON.string(key)), ("Certificate", JSON.string(certificate)),
            ("ClientCAs", JSON.string(clientAuthorities)),
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

private enum JSON {
    /// - Parameter members: names, and values in JSON.
    static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    /// A JSON string literal (RFC 8259 section 7).
    static func string(_ text: String) -> String {
        var literal = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": literal += "\\\""
            case "\\": literal += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}
