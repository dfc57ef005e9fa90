import ImmudbClient
import NIOCore
import POSIX
import RPCTransport

// Turns the options into configurations of the transport and the listener.

extension GatewayOptions {
    /// Returns the transport to an immudb in another process.
    func transport() async throws(GatewayStartError) -> RPCClient.Configuration {
        let server: ServerAddress
        do {
            server = try ServerAddress(immudbAddress, port: immudbPort)
        } catch {
            throw GatewayStartError("the address of immudb is \"\(immudbAddress)\": \(error)")
        }
        var configuration = RPCClient.Configuration(host: server.host, port: server.port)
        configuration.connectTimeout = .seconds(5)
        configuration.maxReceiveMessageByteCount = 40 << 20
        guard mutualTLS.isOn else { return configuration }
        let options = mutualTLS
        configuration.tls = try await Self.onOwnThread { () throws(TLSFileError) in
            try ClientTLS(
                authorities: options.clientAuthorities,
                certificate: (options.certificate, options.key), serverName: options.serverName)
        }
        return configuration
    }

    /// Returns TLS for the gateway's listener; nil for plain HTTP.
    func listenerTLS() async throws(GatewayStartError) -> ServerTLS? {
        guard !tlsCertificate.isEmpty || !tlsKey.isEmpty else { return nil }
        guard !tlsCertificate.isEmpty, !tlsKey.isEmpty else {
            throw GatewayStartError(
                "TLS needs a certificate and its key: give both --tls-certificate and --tls-key")
        }
        let (certificate, key) = (tlsCertificate, tlsKey)
        return try await Self.onOwnThread { () throws(TLSFileError) in
            try ServerTLS(
                certificate: certificate, key: key, clientAuthorities: nil,
                applicationProtocol: "http/1.1")
        }
    }

    /// Runs `read` on its own thread, since reading files may block.
    private static func onOwnThread<Value: Sendable>(
        _ read: @escaping @Sendable () throws(TLSFileError) -> Value
    ) async throws(GatewayStartError) -> Value {
        let result: Result<Value, TLSFileError> = await withCheckedContinuation { continuation in
            let run: @Sendable () -> Void = {
                continuation.resume(returning: Result { () throws(TLSFileError) in try read() })
            }
            if (try? WorkerThread(name: "certificates", run)) == nil { run() }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw GatewayStartError("\(error)")
        }
    }
}

extension GatewayStartError {
    /// - Parameter result: the result of serving, which ended before it began.
    init(listening options: GatewayOptions, _ result: Result<Void, any Error>) {
        let reason: String =
            switch result {
            case .failure(let error): ListeningFailure(error).reason
            case .success: "it was stopped"
            }
        self.init(
            "Unable to launch immugw: cannot listen on \(hostAndPort(options.address, options.port)): "
                + "\(reason). Choose another address or port")
    }
}
