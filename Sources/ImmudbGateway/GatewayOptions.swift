import NIOCore

/// The options of a gateway.
public struct GatewayOptions: Sendable {
    public static let defaultAddress = "127.0.0.1"
    public static let defaultPort = 3323
    public static let defaultImmudbAddress = "127.0.0.1"
    public static let defaultImmudbPort = 3322
    public static let defaultDirectory = "."

    /// The address to listen on.
    public var address = defaultAddress
    /// The port to listen on; 0 for any free port.
    public var port = defaultPort
    /// The address of immudb.
    public var immudbAddress = defaultImmudbAddress
    public var immudbPort = defaultImmudbPort
    /// The folder of the trusted roots, `.root-<uuid>`, with a folder `evidence` of answers that failed verification.
    public var directory = defaultDirectory
    public var mutualTLS = GatewayMutualTLS()
    /// Certificate and private key of the gateway's listener, as PEM files. If both are empty, it serves plain HTTP.
    public var tlsCertificate = ""
    public var tlsKey = ""
    /// The largest number of connected clients. Each is an open file of the process.
    package var maxConnectionCount = RequestLimits().maxConnections
    /// Whether a failed verification is answered with 502 and the evidence instead of 200 and `"verified":false`.
    public var isStrict = false
    /// The settings of the program's process, which are only shown in ``json``.
    public var process = GatewayProcess()

    public init() {}

    /// One line of JSON with the fields of immugw 0.6, in its order.
    public var json: String {
        var text = JSONText()
        text.object { text in
            text.field("Address", string: address)
            text.name("Port")
            text.raw(String(port))
            text.field("ImmudbAddress", string: immudbAddress)
            text.name("ImmudbPort")
            text.raw(String(immudbPort))
            text.field("Detached", bool: process.isDetached)
            text.field("MTLs", bool: mutualTLS.isOn)
            text.name("MTLsOptions")
            text.object { text in
                text.field("Servername", string: mutualTLS.serverName)
                text.field("Pkey", string: mutualTLS.key)
                text.field("Certificate", string: mutualTLS.certificate)
                text.field("ClientCAs", string: mutualTLS.clientAuthorities)
            }
            text.field("Config", string: process.configFile)
            text.field("Pidfile", string: process.pidFile)
            text.field("Logfile", string: process.logFile)
        }
        return String(buffer: text.buffer)
    }
}

/// Mutual TLS for the connections to immudb.
public struct GatewayMutualTLS: Sendable {
    public var isOn = false
    /// The name that immudb's certificate must have.
    public var serverName = "localhost"
    /// PEM files: the gateway's key and certificate, and the authorities that may issue immudb's certificate.
    public var key = "./tools/mtls/4_client/private/localhost.key.pem"
    public var certificate = "./tools/mtls/4_client/certs/localhost.cert.pem"
    public var clientAuthorities = "./tools/mtls/2_intermediate/certs/ca-chain.cert.pem"

    public init() {}
}

/// The settings of the process that runs a gateway.
public struct GatewayProcess: Sendable {
    public var configFile = ""
    public var pidFile = ""
    public var logFile = ""
    public var isDetached = false

    public init() {}
}
