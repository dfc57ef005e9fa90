import ImmudbGateway
import POSIX
import ProgramKit
import ServiceKit

/// The settings of `immugw`.
enum ImmugwSettings {
    static let address = Setting(
        "address", short: "a", .text("an address or host name", named: "host"),
        default: GatewayOptions.defaultAddress, "bind address")
    static let certificate = Setting(
        "certificate", .optionalFile, default: GatewayMutualTLS().certificate,
        "client certificate file path, for mtls with immudb")
    static let clientCAs = Setting(
        "clientcas", .optionalFile, default: GatewayMutualTLS().clientAuthorities,
        "certificate authorities that immudb's certificate has to be of, for mtls with immudb")
    static let directory = Setting(
        "dir", .folder, default: GatewayOptions.defaultDirectory,
        "folder of the trusted roots, made if it is missing")
    static let immudbAddress = Setting(
        "immudb-address", short: "k", .text("an address or host name", named: "host"),
        default: GatewayOptions.defaultImmudbAddress, "immudb host address")
    static let immudbPort = Setting(
        "immudb-port", short: "j", .integer(1...65535),
        default: GatewayOptions.defaultImmudbPort, "immudb port number")
    static let mtls = Setting(
        "mtls", short: "m", .boolean, default: false,
        "enable mutual tls with immudb: each shows the other its certificate")
    static let pkey = Setting(
        "pkey", .optionalFile, default: GatewayMutualTLS().key,
        "client private key path, for mtls with immudb")
    static let port = Setting(
        "port", short: "p", .integer(0...65535), default: GatewayOptions.defaultPort,
        "port number; 0 takes any that is free")
    static let serverName = Setting(
        "servername", .text("a host name", named: "host"), default: GatewayMutualTLS().serverName,
        "name in immudb's certificate, for mtls with immudb")
    static let strict = Setting(
        "strict", .boolean, default: false,
        "answer a verification that failed with status 502 and the evidence, instead of 200 and "
            + "\"verified\": false")
    static let tlsCertificate = Setting(
        "tls-certificate", .optionalFile, default: "",
        "certificate file path for https; with --tls-key, else plain http")
    static let tlsKey = Setting(
        "tls-key", .optionalFile, default: "", "private key path for https")

    static let service = ServiceSettings(program: "immugw", errorOutputName: "immugw-server")

    static let definition = SettingsDefinition(
        program: "immugw",
        settings: [
            address, certificate, clientCAs, service.detached, directory, immudbAddress,
            immudbPort, service.logFile, service.logFormat, service.logLevel, mtls,
            service.pidFile, pkey, port, serverName, strict, tlsCertificate, tlsKey,
        ])
}

extension GatewayOptions {
    /// - Throws: `SettingsError` if only one file of a pair is named.
    init(_ values: SettingsValues) throws(SettingsError) {
        self.init()
        address = withoutBrackets(values[ImmugwSettings.address])
        port = values[ImmugwSettings.port]
        immudbAddress = values[ImmugwSettings.immudbAddress]
        immudbPort = values[ImmugwSettings.immudbPort]
        directory = values[ImmugwSettings.directory]
        mutualTLS.isOn = values[ImmugwSettings.mtls]
        mutualTLS.serverName = values[ImmugwSettings.serverName]
        mutualTLS.key = values[ImmugwSettings.pkey]
        mutualTLS.certificate = values[ImmugwSettings.certificate]
        mutualTLS.clientAuthorities = values[ImmugwSettings.clientCAs]
        tlsCertificate = values[ImmugwSettings.tlsCertificate]
        tlsKey = values[ImmugwSettings.tlsKey]
        guard tlsCertificate.isEmpty == tlsKey.isEmpty else {
            throw SettingsError(
                "--tls-certificate and --tls-key belong together: give both for https, or neither")
        }
        isStrict = values[ImmugwSettings.strict]
        process.configFile = values.filePath ?? ""
        process.pidFile = values[ImmugwSettings.service.pidFile]
        process.logFile = values[ImmugwSettings.service.logFile]
        process.isDetached = values[ImmugwSettings.service.detached]
    }
}
