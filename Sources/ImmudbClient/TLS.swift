import POSIX
import RPCTransport

extension ImmudbClient {
    /// TLS of a connection: whom the client believes to be the server, and how it shows who it is itself.
    ///
    /// Files are in PEM. They are read when the client connects; one that is missing, damaged or expired is an
    /// error with code `.tlsUnusable`, which names it.
    public struct TLS: Hashable, Sendable {
        /// A certificate and its private key.
        public struct Certificate: Hashable, Sendable {
            /// The certificate, and behind it those between it and an authority that the server has.
            public var file: String
            /// Its private key, not encrypted.
            public var keyFile: String

            public init(file: String, keyFile: String) {
                self.file = file
                self.keyFile = keyFile
            }
        }

        /// The authorities of which the server's certificate has to be; nil: those that the system trusts.
        public var authoritiesFile: String?
        /// The client's own, for a server that wants to know its clients (mutual TLS).
        public var certificate: Certificate?
        /// The name or address that the server's certificate has to be for; nil: the host that is connected
        /// to.
        public var serverName: String?

        public init(
            authoritiesFile: String? = nil, certificate: Certificate? = nil,
            serverName: String? = nil
        ) {
            self.authoritiesFile = authoritiesFile
            self.certificate = certificate
            self.serverName = serverName
        }

        /// Reads and checks the files, on a thread of its own.
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
