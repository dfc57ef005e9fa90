import ImmudbGateway
import ImmudbServer
import ImmudbStore
import ProgramKit
import ServiceKit

/// The settings of `immudb`.
enum ImmudbSettings {
    static let address = Setting(
        "address", short: "a", .text("an address or host name", named: "host"),
        default: ServerOptions.defaultAddress, "bind address")
    static let auth = Setting(
        "auth", short: "s", .boolean, default: false,
        "enable auth: calls need the token of a user")
    static let certificate = Setting(
        "certificate", .optionalFile,
        default: MutualTLSOptions().certificate, "server certificate file path, for mtls")
    static let clientCAs = Setting(
        "clientcas", .optionalFile, default: MutualTLSOptions().clientAuthorities,
        "clients certificates list, aka certificate authority, for mtls")
    static let consistencyCheck = Setting(
        "consistency-check", .boolean, default: true,
        "check all entries while the server runs, in random order, a round a week")
    static let consistencyCheckRate = Setting(
        "consistency-check-rate", .integer(0...10_000_000, named: "entries"), default: 0,
        "entries that the check looks at in a second, at most; 0: as many as a round a week needs")
    static let databaseName = Setting(
        "dbname", short: "n", .plainName("the name of the database's folder"),
        default: ServerOptions.defaultDatabaseName, "db name")
    static let directory = Setting(
        "dir", .folder, default: ServerOptions.defaultDirectory,
        "data folder, made if it is missing")
    static let durability = Setting(
        "durability", .word(of: DurabilityWord.self), default: .always,
        "when an acknowledged write is on disk: always, interval "
            + "(after \(DurabilityWord.intervalMilliseconds) ms at most), never (at a clean stop, "
            + "or when the system pleases)")
    static let gateway = Setting(
        "gateway", .boolean, default: false,
        "serve REST as well, as immugw does, without a process of its own")
    static let gatewayAddress = Setting(
        "gateway-address", .text(named: "host"), default: "",
        "bind address of the gateway; the server's if it is empty")
    static let gatewayPort = Setting(
        "gateway-port", .integer(0...65535), default: GatewayOptions.defaultPort,
        "port of the gateway over HTTP; 0 takes any that is free")
    static let gatewayStrict = Setting(
        "gateway-strict", .boolean, default: false,
        "have the gateway answer a verification that failed with status 502 and the evidence")
    static let gatewayTLSCertificate = Setting(
        "gateway-tls-certificate", .optionalFile, default: "",
        "certificate file path for https of the gateway; with --gateway-tls-key, else plain http")
    static let gatewayTLSKey = Setting(
        "gateway-tls-key", .optionalFile, default: "", "private key path for https of the gateway")
    static let maxReceiveMessageByteCount = Setting(
        "max-recv-msg-size",
        .integer(ServerOptions.maxReceiveMessageByteCountRange, named: "bytes"),
        default: ServerOptions.defaultMaxReceiveMessageByteCount,
        "largest request that is taken, in bytes")
    static let metricsAddress = Setting(
        "metrics-address", .text(named: "host"), default: "",
        "bind address of the metrics; the server's if it is empty")
    static let metricsPort = Setting(
        "metrics-port", .integer(0...65535), default: ServerOptions.defaultMetricsPort,
        "port of the metrics over HTTP; 0 takes any that is free")
    static let mtls = Setting(
        "mtls", short: "m", .boolean, default: false,
        "enable mutual tls: only clients with a certificate of the authorities in --clientcas are let in"
    )
    static let noHistograms = Setting(
        "no-histograms", .boolean, default: false,
        "disable collection of histogram metrics like query durations")
    static let pkey = Setting(
        "pkey", .optionalFile, default: MutualTLSOptions().key,
        "server private key path, for mtls")
    static let port = Setting(
        "port", short: "p", .integer(0...65535), default: ServerOptions.defaultPort,
        "port number; 0 takes any that is free")
    static let serveDamaged = Setting(
        "serve-damaged", .boolean, default: false,
        "serve the entries that are whole although others are damaged; writes are refused then")

    static let signingKey = Setting(
        "signing-key", .optionalFile, default: "",
        "private key path, PEM of the curve P-256, with which roots are signed; read by its owner only"
    )

    static let service = ServiceSettings(program: "immudb", errorOutputName: "immu-server")

    static let definition = SettingsDefinition(
        program: "immudb",
        settings: [
            address, auth, certificate, clientCAs, consistencyCheck, consistencyCheckRate,
            databaseName, service.detached, directory,
            durability, gateway, gatewayAddress, gatewayPort, gatewayStrict, gatewayTLSCertificate,
            gatewayTLSKey, service.logFile, service.logFormat, service.logLevel,
            maxReceiveMessageByteCount,
            metricsAddress, metricsPort, mtls, noHistograms, service.pidFile, pkey, port,
            serveDamaged, signingKey,
        ],
        withdrawn: ["network"])
}

enum DurabilityWord: String, CaseIterable {
    case always, interval, never

    static let intervalMilliseconds = 100

    var durability: Durability {
        switch self {
        case .always: .always
        case .interval: .interval(milliseconds: Self.intervalMilliseconds)
        case .never: .never
        }
    }
}

extension ServerOptions {
    /// - Throws: `SettingsError` if a setting requires something that this release cannot do.
    init(_ values: SettingsValues) throws(SettingsError) {
        let name = values[ImmudbSettings.databaseName]
        guard !ServerOptions.reservedNames.contains(name.lowercased()) else {
            let source = values.sourceText(of: ImmudbSettings.databaseName)
            throw SettingsError(
                "\(source) is \"\(name)\": give another name, this one is reserved for what the "
                    + "server keeps beside the database")
        }
        self.init(
            directory: values[ImmudbSettings.directory], address: values[ImmudbSettings.address],
            port: values[ImmudbSettings.port], databaseName: values[ImmudbSettings.databaseName])
        isAuthenticating = values[ImmudbSettings.auth]
        durability = values[ImmudbSettings.durability].durability
        maxReceiveMessageByteCount = values[ImmudbSettings.maxReceiveMessageByteCount]
        let rate = values[ImmudbSettings.consistencyCheckRate]
        selfCheck =
            values[ImmudbSettings.consistencyCheck]
            ? Database.SelfCheckOptions(entriesPerSecond: rate == 0 ? nil : rate) : nil
        servesDamaged = values[ImmudbSettings.serveDamaged]
        mutualTLS.isOn = values[ImmudbSettings.mtls]
        mutualTLS.certificate = values[ImmudbSettings.certificate]
        mutualTLS.key = values[ImmudbSettings.pkey]
        mutualTLS.clientAuthorities = values[ImmudbSettings.clientCAs]
        process.configFile = values.filePath ?? ""
        process.pidFile = values[ImmudbSettings.service.pidFile]
        process.logFile = values[ImmudbSettings.service.logFile]
        process.isWithoutHistograms = values[ImmudbSettings.noHistograms]
        process.isDetached = values[ImmudbSettings.service.detached]
        metricsAddress = values[ImmudbSettings.metricsAddress]
        metricsPort = values[ImmudbSettings.metricsPort]
        signingKeyFile = values[ImmudbSettings.signingKey]
    }
}
