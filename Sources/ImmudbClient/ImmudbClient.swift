import ImmudbProtocol
public import ImmudbVerification
import RPCTransport
import SwiftProtobuf

/// A client of one immudb server, which need not trust it: verified calls return what the server
/// has proven, or throw.
///
/// ```swift
/// let roots = FileTrustedRootStore(directory: "trusted")
/// let client = try await ImmudbClient.connect(
///     trustedRoots: roots, firstContact: .trustOnFirstUse)
/// try await client.verifiedSet("hello", "world")
/// let entry = try await client.verifiedGet("hello").value
/// // entry.payload is proven to be in the ledger
/// ```
///
/// Safe to use from many tasks at once: verified calls run concurrently, and the trusted root only
/// ever moves forward. When a verified call returns, its tree and those of all calls that returned
/// before are of one history, also of calls that overlapped it: where their trees differ, the server
/// has to prove that one continues the other.
///
/// Plain calls (`set`, `get`, ...) believe the server; they throw `ClientError`. Verified calls
/// also throw `VerificationError`, which is evidence, and never to be retried. So is a `ClientError`
/// with code `.serverChanged`.
///
/// A call that writes throws `ClientError` with code `.outcomeUnknown` if its entry may have been
/// stored. With any other code of a `ClientError` it is certainly not stored. If it throws
/// `VerificationError`, the server has probably stored the entry, although it could not prove that.
///
/// It connects again by itself when a connection was lost, with growing pauses between attempts.
/// A call that the server may have seen is never sent twice.
public final class ImmudbClient: Sendable {
    /// Where the server is, and how long to wait for it.
    public struct Configuration: Sendable {
        /// A name or an address, with its port or without: see `ServerAddress`.
        public var host: String
        /// nil: the one in `host`, or else 3322.
        public var port: Int?
        /// For connecting, before the first call and again after the connection broke.
        public var connectTimeoutMilliseconds: Int
        /// For each call, until its answer is complete; for a stream, until its next message.
        public var callTimeoutMilliseconds: Int
        /// Whether calls wait for a server that cannot be reached, each until its own timeout,
        /// instead of failing at once.
        public var waitsForServer = false
        /// nil: the connection is in clear text.
        public var tls: TLS?
        /// The token of a user who has logged in elsewhere; see also `login(user:password:)`.
        public var token: String?
        /// Whether calls say that they are those of a tool for administration. The server then takes them
        /// from its own machine and from the administrator only, and the first login makes one.
        public var isForAdministration = false
        /// The largest answer, or message of a dump, that is taken. The default is enough for the
        /// largest answer of a server that was started without `--max-recv-msg-size`.
        public var maxReceiveMessageByteCount = 40 << 20
        /// Where to keep what the server answered when a verification fails, one file each: a
        /// directory, which is made when a client connects, for its owner alone, with those above it.
        /// nil: nowhere.
        public var evidenceDirectory: String?

        public init(
            host: String = "127.0.0.1", port: Int? = nil, connectTimeoutMilliseconds: Int = 5_000,
            callTimeoutMilliseconds: Int = 30_000, token: String? = nil
        ) {
            self.host = host
            self.port = port
            self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
            self.callTimeoutMilliseconds = callTimeoutMilliseconds
            self.token = token
        }
    }

    /// What to do at the first verified call to a server of which no root is stored.
    public enum FirstContact: Sendable {
        /// Trust the root that the server shows now. It can show any; it is held to it from then
        /// on.
        case trustOnFirstUse
        /// Show the root that the server shows now, and its identity, to the application, which may
        /// compare them with what it knows from elsewhere. True trusts it; false is `.refuse`. Asked
        /// again while the server is empty, since of that nothing can be trusted.
        case ask(@Sendable (TrustedRoot, ServerIdentity) async throws -> Bool)
        /// Trust a root that came another way, such as from an auditor.
        case trust(TrustedRoot)
        /// Throw `ClientError` with code `.firstContactRefused`.
        case refuse
    }

    public let configuration: Configuration
    /// Who the server said it is when the client connected.
    public let identity: ServerIdentity
    let trustedRoots: any TrustedRootStore
    let firstContact: FirstContact
    let linker = RootLinker()
    let connection: Connection

    private init(
        configuration: Configuration, identity: ServerIdentity, connection: Connection,
        trustedRoots: any TrustedRootStore, firstContact: FirstContact
    ) {
        self.configuration = configuration
        self.identity = identity
        self.connection = connection
        self.trustedRoots = trustedRoots
        self.firstContact = firstContact
    }

    /// Connects to a server and learns who it is, by a Health call. The configuration's token is in later calls only:
    /// a server that is refused here does not get it.
    ///
    /// - Parameters:
    ///   - configuration: where the server is, and how long to wait for it.
    ///   - trustedRoots: where the newest verified root is kept.
    ///   - firstContact: what to do if it has none of this server.
    ///   - expected: who the server has to be: another one is refused. It is also how you say that the one
    ///     which you have named takes the place of the one that was trusted at this address before.
    /// - Throws: `ClientError` with code `.unavailable` if no server answers or the configuration's
    ///   host is not an address, `.tlsUnusable` if a file of TLS cannot be used, `.incompatible` if the server
    ///   sends no identity, `.serverChanged` if it is another than the expected one, or than the one that was
    ///   trusted at this address before, `.evidenceUnusable` if the directory for evidence cannot be written to;
    ///   what the store of trusted roots throws.
    public static func connect(
        _ configuration: Configuration = Configuration(), trustedRoots: any TrustedRootStore,
        firstContact: FirstContact, expecting expected: ServerIdentity? = nil
    ) async throws -> ImmudbClient {
        let connection = try Connection(configuration, await configuration.tls?.load())
        if let directory = configuration.evidenceDirectory { try Evidence.prepare(directory) }
        do {
            let answer: Answer<Immudb_Schema_HealthResponse> = await connection.call(
                ImmuService.health, Google_Protobuf_Empty(), withToken: false)
            _ = try answer.result.get()
            guard let text = answer.identity, let identity = ServerIdentity(text) else {
                throw ClientError(
                    .incompatible,
                    "the server at \(connection.address) does not send its identity "
                        + "(header \(ImmuMetadata.serverIdentity)): it is no immudb 0.6")
            }
            if let expected, expected != identity {
                throw ClientError.changed(
                    connection.address, expected, .expected, found: identity.text)
            }
            let client = ImmudbClient(
                configuration: configuration, identity: identity, connection: connection,
                trustedRoots: trustedRoots, firstContact: firstContact)
            try await client.requireKnownAtAddress(isExpected: expected != nil)
            return client
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Connects to the server at an address, with the defaults of `Configuration`: 5 s to connect, 30 s for a call.
    ///
    /// - Parameters:
    ///   - address: a name or an address, with its port or without, as `ServerAddress` reads it: `localhost`,
    ///     `10.0.0.7:3322`, `[::1]:3322`.
    ///   - trustedRoots: where the newest verified root is kept.
    ///   - firstContact: what to do if it has none of this server.
    ///   - expected: who the server has to be.
    /// - Throws: as ``connect(_:trustedRoots:firstContact:expecting:)``.
    public static func connect(
        to address: String, trustedRoots: any TrustedRootStore, firstContact: FirstContact,
        expecting expected: ServerIdentity? = nil
    ) async throws -> ImmudbClient {
        try await connect(
            Configuration(host: address), trustedRoots: trustedRoots, firstContact: firstContact,
            expecting: expected)
    }

    /// Closes the connection. Calls that run fail with code `.unavailable`, and so do later ones. Idempotent.
    ///
    /// A client that is let go without it closes its connection, too.
    public func close() async {
        await connection.close()
    }

    /// Makes one call, and sees to it that the server is still the one that was connected to.
    ///
    /// - Parameter names: what the call names, for the error.
    func call<Request: Message, Response: Message>(
        _ path: String, _ request: Request, about names: [GivenName] = []
    ) async throws(ClientError) -> Response {
        try await answer(path, request, about: names).message
    }

    /// The same with metadata, and with the answer's trailers.
    func answer<Request: Message, Response: Message>(
        _ path: String, _ request: Request, _ metadata: Metadata = Metadata(),
        about names: [GivenName] = []
    ) async throws(ClientError) -> (message: Response, trailers: Metadata) {
        let answer: Answer<Response> = await connection.call(path, request, metadata)
        Transcript.current?.record(path, request, answer)
        do throws(ClientError) {
            try checkIdentity(answer.identity)
            let response = try answer.result.get()
            try requireIdentity(answer.identity)
            return (response, answer.trailers)
        } catch {
            let error = ImmuService.writes.contains(path) ? ofWrite(error, answer.result) : error
            throw error.about(names)
        }
    }

    /// The error of a write call: one that was answered by another server than the one that was
    /// connected to may be stored there.
    private func ofWrite<Response>(
        _ error: ClientError, _ result: Result<Response, ClientError>
    ) -> ClientError {
        switch result {
        case .failure(let failure) where failure.code != .outcomeUnknown: error
        case _ where error.code == .outcomeUnknown: error
        default: .outcomeUnknown(error.message, cause: error)
        }
    }

    /// Runs the rest of a call that has written: whatever fails now, the entry is there, as the
    /// server says.
    ///
    /// - Throws: `VerificationError`, or `ClientError` with code `.outcomeUnknown`.
    func afterWrite<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as VerificationError {
            throw error
        } catch {
            let reason = (error as? ClientError)?.message ?? "\(error)"
            throw ClientError.outcomeUnknown(
                "the server says that it is stored, which could not be verified: \(reason)",
                cause: error)
        }
    }

    /// Begins a call with any number of answers.
    func stream<Request: Message, Response: Message>(
        _ path: String, _ request: Request
    ) async throws(ClientError) -> RPCResponseStream<Response> {
        let answers: RPCResponseStream<Response> = try await connection.stream(path, request)
        let identity = answers.headers.first(ImmuMetadata.serverIdentity)
        try checkIdentity(identity)
        try requireIdentity(identity)
        return answers
    }

    private func requireIdentity(_ text: String?) throws(ClientError) {
        guard text == nil else { return }
        throw ClientError(
            .incompatible, "the server at \(connection.address) has answered without its identity")
    }

    private func checkIdentity(_ text: String?) throws(ClientError) {
        // Without this, the proofs of another server would look like tampering of this one.
        guard let text, text != identity.text else { return }
        throw ClientError.changed(connection.address, identity, .connected, found: text)
    }
}

extension ImmudbClient {
    /// The release of this library.
    public static let version = ImmudbRelease.version
}
