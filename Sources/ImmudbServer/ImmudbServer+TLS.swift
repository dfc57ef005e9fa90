import Logging
import RPCTransport

extension ImmudbServer {
    /// Reads the key that signs roots. Returns nil if the options name none.
    static func loadSigner(
        _ path: String, log: Logger
    ) async throws(ServerStartError) -> RootSigner? {
        guard !path.isEmpty else { return nil }
        let loaded = await onOwnThread { () throws(ServerStartError) in
            try RootSigner(contentsOf: path)
        }
        let signer = try loaded.get()
        log.info("roots are signed; the public key is \(signer.publicKeyText)")
        return signer
    }

    /// Reads and checks the files of mutual TLS. Returns nil if mutual TLS is off.
    static func loadTLS(
        _ options: MutualTLSOptions, log: Logger
    ) async throws(ServerStartError) -> ServerTLS? {
        guard options.isOn else { return nil }
        let log = log.of(.tls)
        let loaded = await onOwnThread { () throws(TLSFileError) in
            try ServerTLS(
                certificate: options.certificate, key: options.key,
                clientAuthorities: options.clientAuthorities)
        }
        do throws(TLSFileError) {
            let tls = try loaded.get()
            log.info("mutual TLS: the server's certificate is \(tls.summary)")
            if let warning = tls.warning { log.warning("\(warning)") }
            return tls
        } catch {
            throw ServerStartError("Unable to use mutual TLS: \(error)")
        }
    }
}
