import ImmudbGateway
import ImmudbServer
import MetricsHTTP
import POSIX
import ProgramKit
import ServiceKit

// The REST gateway in the server's process: `immudb --gateway`.

extension GatewayOptions {
    /// Returns the options of the gateway; nil without `--gateway`.
    ///
    /// - Parameter server: the server of the gateway.
    /// - Throws: `SettingsError` if only one file of a pair is named.
    static func embedded(
        _ values: SettingsValues, in server: ServerOptions
    ) throws(SettingsError) -> GatewayOptions? {
        guard values[ImmudbSettings.gateway] else { return nil }
        var options = GatewayOptions()
        let address = values[ImmudbSettings.gatewayAddress]
        options.address = withoutBrackets(address.isEmpty ? server.address : address)
        options.port = values[ImmudbSettings.gatewayPort]
        options.immudbAddress = server.address
        options.immudbPort = server.port
        options.directory = server.gatewayDirectory
        options.isStrict = values[ImmudbSettings.gatewayStrict]
        options.tlsCertificate = values[ImmudbSettings.gatewayTLSCertificate]
        options.tlsKey = values[ImmudbSettings.gatewayTLSKey]
        guard options.tlsCertificate.isEmpty == options.tlsKey.isEmpty else {
            throw SettingsError(
                "--gateway-tls-certificate and --gateway-tls-key belong together: give both for "
                    + "https, or neither")
        }
        return options
    }
}

extension Gateway {
    /// Starts the gateway of a server in the same process, with its trusted roots beside the
    /// server's data.
    static func start(
        _ options: GatewayOptions, of server: ImmudbServer, _ log: ServerLog,
        _ metrics: MetricsEndpoint
    ) async throws(ServerStartError) -> Gateway {
        var options = options
        options.maxConnectionCount = server.options.gatewayConnectionCount
        do throws(GatewayStartError) {
            let gateway = try await start(
                options, over: server.gatewayClient, expecting: server.restoredIdentity,
                log: log.logger(of: "gateway"),
                metrics: metrics.registry)
            log.info("Gateway served at \(gateway.url)")
            if server.options.mutualTLS.isOn {
                log.warning(
                    "the gateway does not ask its callers for certificates, although --mtls is on: every client "
                        + "that can connect to \(gateway.url) can use the database")
            }
            return gateway
        } catch {
            throw ServerStartError("\(error)")
        }
    }

    /// The URL of the gateway.
    private var url: String {
        let scheme = options.tlsCertificate.isEmpty ? "http" : "https"
        return "\(scheme)://\(hostAndPort(options.address, options.port))"
    }
}
