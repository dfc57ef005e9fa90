import POSIX
import RPCTransport

extension ImmudbClient {
    /// TLS settings of a connection: how the client authenticates the server, and how it authenticates itself.
    ///
    /// Files are in PEM. They are read when the client connects; if one is missing, damaged or expired, connecting
    /// fails with code `.tlsUnusable` and names it.
    public struct TLS: Hashable, Sendable {
        /// A certificate and its private key.
        public struct Certificate: Hashable, Sendable {
            /// The file with the certificate, followed by the intermediate certificates up to an authority that the
            /// server has.
            public var file: String
            /// The file with its private key, not encrypted.
            public var keyFile: String

            public init(file: String, keyFile: String) {
                self.file = file
                self.keyFile = keyFile
            }
        }

        /// The authorities that may sign the server's certificate; nil: those that the system trusts.
        public var authoritiesFile: String?
        /// The client's own certificate, for a server that authenticates its clients (mutual TLS).
        public var certificate: Certificate?
        /// The name or address that the server's certificate must contain; nil: the host that the client connects to.
        public var serverName: String?

        public init(
            authoritiesFile: String? = nil, certificate: Certificate? = nil,
            serverName: String? = nil
        ) {
            self.authoritiesFile = authoritiesFile
            self.certificate = certificate
            self.serverName = serverName
        }

        /// Reads and checks the files, on a separate thread.
        func load() async throws(ClientError) -> ClientTLS {
            let result: Result<ClientTLS, ClientError> = await withCheckedContinuation {
                continuation in
                let run: @Sendable () -> Void = { continuation.resume(returning: read()) }
                if (try? WorkerThread(name: "certificates", run)) == nil { run() }
            }
            return try result.get()
        }

        private func read() -> Result<ClientTLS, ClientError> {
            Result { () throws(TLSFileError) in
                try ClientTLS(
                    authorities: authoritiesFile,
                    certificate: certificate.map { ($0.file, $0.keyFile) }, serverName: serverName)
            }
            .mapError { ClientError(.tlsUnusable, "\($0)", cause: $0) }
        }
    }
}
