import ImmudbProtocol
public import ImmudbVerification
package import RPCTransport
import SwiftProtobuf

/// A client of one immudb server, which it need not trust: verified calls return what the server has proven, or throw.
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
/// Safe to use from many tasks at once: verified calls run concurrently, and the trusted root only ever moves forward.
/// When a verified call returns, its tree and those of all calls that returned before are of one history, including
/// calls that overlapped it: if their trees differ, the server has to prove that one continues the other.
///
/// Plain calls (`set`, `get`, ...) trust the server; they throw `ClientError`. Verified calls also throw
/// `VerificationError`, which is evidence; do not retry them then. A `ClientError` with code `.serverChanged` is
/// evidence, too.
///
/// A call that writes throws `ClientError` with code `.outcomeUnknown` if its entry may have been stored. With any
/// other code of a `ClientError` it is certainly not stored. If it throws `VerificationError`, the server has probably
/// stored the entry, although it could not prove that.
///
/// The client reconnects by itself when a connection was lost, with growing pauses between attempts. A call that the
/// server may have seen is never sent twice.
public final class ImmudbClient: Sendable {
    /// Where the server is, and how long to wait for it.
    public struct Configuration: Sendable {
        /// A name or an address, with or without its port: see `ServerAddress`.
        public var host: String
        /// The port; nil: the one in `host`, or else 3322.
        public var port: Int?
        /// The timeout of connecting, before the first call and again after the connection was lost.
        public var connectTimeoutMilliseconds: Int
        /// The timeout of each call, until its answer is complete; for a stream, until its next message.
        public var callTimeoutMilliseconds: Int
        /// Whether calls wait for a server that cannot be reached, each until its own timeout,
        /// instead of failing at once.
        public var waitsForServer = false
        /// The TLS settings; nil: the connection is in clear text.
        public var tls: TLS?
        /// The token of a user who has logged in before; see also `login(user:password:)`.
        public var token: String?
        /// Whether calls are those of an administration tool. The server then accepts them only from its own machine
        /// and from the administrator, and the first login creates one.
        public var isForAdministration = false
        /// The largest answer, or message of a dump, that is accepted. The default is enough for the largest answer of
        /// a server that was started without `--max-recv-msg-size`.
        public var maxReceiveMessageByteCount = 40 << 20
        /// The directory for evidence: if a verification fails, the server's answers are kept in a file there. It is
        /// created when a client connects, with its missing parents, for its owner alone. nil: no evidence is kept.
        public var evidenceDirectory: String?
        /// The key with which the server signs its roots, from its operator. Then a root that the server shows, at first
        /// contact and whenever its tree is verified to continue (`verifyContinuation`), must be signed with it, or the
        /// call fails with a `VerificationError` of code `.signatureInvalid`. nil: signatures are not looked at.
        public var signingKey: RootPublicKey?

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

    /// What to do at the first verified call to a server that has no stored root.
    public enum FirstContact: Sendable {
        /// Trust the root that the server shows now. It can show any root, but must continue it from then on.
        case trustOnFirstUse
        /// Pass the root that the server shows now, and its identity, to the application, which may compare them with
        /// what it knows from elsewhere. True trusts the root; false is `.refuse`. Called again while the server is
        /// empty, since an empty tree gives nothing to trust.
        case ask(@Sendable (TrustedRoot, ServerIdentity) async throws -> Bool)
        /// Trust a root that was received from elsewhere, for example from an auditor.
        case trust(TrustedRoot)
        /// Throw `ClientError` with code `.firstContactRefused`.
        case refuse
    }

    public let configuration: Configuration
    /// The identity that the server claimed when the client connected.
    public let identity: ServerIdentity
    let trustedRoots: any TrustedRootStore
    let firstContact: FirstContact
    let linker: RootLinker
    let connection: Connection

    private init(
        configuration: Configuration, identity: ServerIdentity, connection: Connection,
        trustedRoots: any TrustedRootStore, firstContact: FirstContact,
        linker: RootLinker = RootLinker()
    ) {
        self.configuration = configuration
        self.identity = identity
        self.connection = connection
        self.trustedRoots = trustedRoots
        self.firstContact = firstContact
        self.linker = linker
    }

    /// Connects to a server and reads its identity, by a Health call. The configuration's token is sent with later calls
    /// only, so a server that is refused here does not get it.
    ///
    /// - Parameters:
    ///   - configuration: where the server is, and the timeouts.
    ///   - trustedRoots: keeps the newest verified root.
    ///   - firstContact: what to do if the store has no root of this server.
    ///   - expected: the identity that the server must have: any other is refused. Name a server here also to
    ///     accept it in place of the one that was trusted at this address before.
    /// - Throws: `ClientError` with code `.unavailable` if no server answers or the configuration's
    ///   host is not an address, `.tlsUnusable` if a TLS file cannot be used, `.incompatible` if the server
    ///   sends no identity, `.serverChanged` if it is another than the expected one, or than the one that was
    ///   trusted at this address before, `.evidenceUnusable` if the directory for evidence cannot be written to;
    ///   errors of the store of trusted roots.
    public static func connect(
        _ configuration: Configuration = Configuration(), trustedRoots: any TrustedRootStore,
        firstContact: FirstContact, expecting expected: ServerIdentity? = nil
    ) async throws -> ImmudbClient {
        try await connect(
            Connection(configuration, await configuration.tls?.load()), configuration,
            trustedRoots: trustedRoots, firstContact: firstContact, expecting: expected)
    }

    /// Connects to a server over a transport that others use, too, and that is theirs to end.
    ///
    /// - Parameters:
    ///   - address: the server's, for messages and for the store of trusted roots.
    ///   - configuration: its host, port and TLS are not used.
    /// - Throws: as ``connect(_:trustedRoots:firstContact:expecting:)``.
    package static func connect(
        over transport: RPCClient, to address: String, _ configuration: Configuration,
        trustedRoots: any TrustedRootStore, firstContact: FirstContact,
        expecting expected: ServerIdentity? = nil
    ) async throws -> ImmudbClient {
        try await connect(
            Connection(over: transport, to: address, configuration), configuration,
            trustedRoots: trustedRoots, firstContact: firstContact, expecting: expected)
    }

    /// Returns a client that makes calls for somebody else: with their metadata, which may have their token, and none of
    /// its own. It shares everything else with this client: what one of them has verified, the other continues.
    ///
    /// - Parameters:
    ///   - timeout: the timeout of each call; nil: this client's.
    ///   - admit: whether there is room for an answer of a size.
    package func forwarding(
        _ metadata: Metadata, timeout: Duration? = nil, admit: AnswerAdmission? = nil
    ) -> ImmudbClient {
        ImmudbClient(
            configuration: configuration, identity: identity,
            connection: Connection(
                connection, forwarding: metadata, callTimeout: timeout ?? connection.callTimeout,
                admit: admit),
            trustedRoots: trustedRoots, firstContact: firstContact, linker: linker)
    }

    private static func connect(
        _ connection: Connection, _ configuration: Configuration,
        trustedRoots: any TrustedRootStore, firstContact: FirstContact,
        expecting expected: ServerIdentity?
    ) async throws -> ImmudbClient {
        do {
            let answer: Answer<Immudb_Schema_HealthResponse> = await connection.call(
                ImmuService.health, Google_Protobuf_Empty(), withToken: false)
            _ = try answer.result.get()
            guard let text = answer.identity, let identity = ServerIdentity(text) else {
                throw ClientError(
                    .incompatible,
                    "the server at \(connection.address) does not send its identity "
                        + "(header \(ImmuMetadata.serverIdentity)): it is not immudb 0.6")
            }
            if let expected, expected != identity {
                throw ClientError.changed(
                    connection.address, expected, .expected, found: identity.text)
            }
            let client = ImmudbClient(
                configuration: configuration, identity: identity, connection: connection,
                trustedRoots: trustedRoots, firstContact: firstContact)
            try await client.requireKnownAtAddress(isExpected: expected != nil)
            // Last, so that one who goes on trying to reach a server does not write a file each time.
            if let directory = configuration.evidenceDirectory {
                try await EvidenceFolder(directory).prepare()
            }
            return client
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Connects to the server at an address, with the defaults of `Configuration`: 5 s to connect, 30 s for a call.
    ///
    /// - Parameters:
    ///   - address: a name or an address, with or without its port, as `ServerAddress` parses it: `localhost`,
    ///     `10.0.0.7:3322`, `[::1]:3322`.
    ///   - trustedRoots: keeps the newest verified root.
    ///   - firstContact: what to do if the store has no root of this server.
    ///   - expected: the identity that the server must have.
    /// - Throws: as ``connect(_:trustedRoots:firstContact:expecting:)``.
    public static func connect(
        to address: String, trustedRoots: any TrustedRootStore, firstContact: FirstContact,
        expecting expected: ServerIdentity? = nil
    ) async throws -> ImmudbClient {
        try await connect(
            Configuration(host: address), trustedRoots: trustedRoots, firstContact: firstContact,
            expecting: expected)
    }

    /// Closes the connection. Calls in flight fail with code `.unavailable`, and so do later ones. Idempotent.
    ///
    /// A client that is released without this closes its connection, too.
    public func close() async {
        await connection.close()
    }

    /// Makes one call, and checks that the server is still the one that this client connected to.
    ///
    /// - Parameter names: the names in the call, for the error.
    func call<Request: Message, Response: Message>(
        _ path: String, _ request: Request, about names: [GivenName] = []
    ) async throws(ClientError) -> Response {
        try await answer(path, request, about: names).message
    }

    /// Makes one call with metadata, and returns the answer with its trailers.
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

    /// Returns the error of a write: if another server has answered than the one that this client connected to, the
    /// write may be stored there.
    private func ofWrite<Response>(
        _ error: ClientError, _ result: Result<Response, ClientError>
    ) -> ClientError {
        switch result {
        case .failure(let failure) where failure.code != .outcomeUnknown: error
        case _ where error.code == .outcomeUnknown: error
        default: .outcomeUnknown(error.message, cause: error)
        }
    }

    /// Runs the rest of a call after its write: even if the rest fails, the server claims that the entry is stored.
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
                "the server says that it is stored, but that could not be verified: \(reason)",
                cause: error)
        }
    }

    /// Starts a call with any number of answers.
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
