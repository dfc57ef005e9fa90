import Foundation
import ImmudbClient
import ImmudbProtocol
import ImmudbVerification
import Logging
import POSIX
import RPCTransport
import SwiftProtobuf
import Synchronization

/// The connections to immudb: one for calls of single entries and one for long calls, so that short calls do not wait
/// behind long ones; and the client that verifies.
///
/// If immudb is not reachable, calls fail with `.unavailable`, and ``watch()`` keeps trying.
final class Upstream: Sendable {
    let address: String
    /// Whether immudb runs in the same process.
    let isEmbedded: Bool
    private let points: RPCClient
    private let bulk: RPCClient
    private let configuration: ImmudbClient.Configuration
    private let roots: FileTrustedRootStore
    private let limits: AnswerLimits
    private let log: Logger
    private let failures: FailureLog

    /// The server that is accepted in place of the one that was trusted before; nil: none is.
    private let expected: Mutex<ServerIdentity?>
    private let known = Mutex(State())
    private let client = Mutex<ImmudbClient?>(nil)
    /// The current attempt to make the client; all callers that need the client wait for it.
    private let attempt = Mutex<SharedAttempt<ImmudbClient>?>(nil)

    private static let watchInterval = Duration.seconds(1)
    private static let authenticationInterval = Duration.seconds(60)
    /// The methods whose calls may be long, each of many entries.
    private static let bulkMethods = Set(
        ImmuService.methods.filter {
            switch $0.answer {
            case .entries, .entryStream: true
            case .plain:
                [ImmuService.count, ImmuService.setBatch, ImmuService.setBatchSV].contains($0.path)
            case .path, .proof, .provenEntry: false
            }
        }.map(\.path))

    /// - Parameters:
    ///   - transport: connects to immudb.
    ///   - address: immudb's address for messages, and for the file of known servers.
    ///   - directory: the folder of the trusted roots; empty for the current folder.
    ///   - identity: that of a server that is accepted in place of the one that was trusted before; nil: none is.
    init(
        _ transport: RPCClient.Configuration, address: String, isEmbedded: Bool, directory: String,
        expecting identity: ServerIdentity? = nil, log: Logger, failures: FailureLog
    ) {
        expected = Mutex(identity)
        let directory = directory.isEmpty ? "." : directory
        self.address = address
        self.isEmbedded = isEmbedded
        self.log = log
        self.failures = failures
        points = RPCClient(transport)
        bulk = RPCClient(transport)
        configuration = {
            var configuration = ImmudbClient.Configuration()
            configuration.maxReceiveMessageByteCount = transport.maxReceiveMessageByteCount
            configuration.evidenceDirectory =
                (directory.hasSuffix("/") ? directory : directory + "/") + "evidence"
            return configuration
        }()
        roots = FileTrustedRootStore(directory: directory)
        limits = AnswerLimits(maxAnswerByteCount: transport.maxReceiveMessageByteCount)
    }

    var state: State { known.withLock { $0 } }

    // MARK: calls

    /// Makes a call for a request, with the request's forwarded header.
    nonisolated(nonsending) func call<Request: Message, Answer: Message>(
        _ procedure: String, _ message: Request, _ request: GatewayRequest
    ) async throws -> RPCResponse<Answer> {
        let transport = Self.bulkMethods.contains(procedure) ? bulk : points
        return try await transport.unary(
            procedure, message, metadata: request.metadata, timeout: request.timeout,
            check: limits[procedure], admit: request.admission)
    }

    /// Starts a call with any number of answers.
    func stream<Request: Message, Answer: Message>(
        _ procedure: String, _ message: Request, _ request: GatewayRequest,
        admit: @escaping AnswerAdmission
    ) async throws -> RPCResponseStream<Answer> {
        try await bulk.serverStreaming(
            procedure, message, metadata: request.metadata, timeout: request.statedTimeout,
            messageTimeout: request.timeout, check: limits[procedure], admit: admit)
    }

    /// Returns the client that verifies, with the caller's token and the time that is left for the request.
    nonisolated(nonsending) func client(for request: GatewayRequest) async throws -> ImmudbClient {
        let start = ContinuousClock.now
        let client = try await verifyingClient(within: request.timeout)
        let timeLeft = max(.zero, request.timeout - (.now - start))
        return client.forwarding(request.metadata, timeout: timeLeft, admit: request.admission)
    }

    private nonisolated(nonsending) func verifyingClient(within timeout: Duration) async throws
        -> ImmudbClient
    {
        if let client = client.withLock({ $0 }) { return client }
        let attempt = attempt.withLock { attempt in
            if let attempt { return attempt }
            let new = SharedAttempt { try await self.connect() }
            attempt = new
            return new
        }
        return try await attempt.value(within: timeout)
    }

    /// Accepts a server in place of the one that was trusted before, also after the next start: the caller knows that it is
    /// the right one.
    func expect(_ identity: ServerIdentity) async {
        expected.withLock { $0 = identity }
        do {
            try await roots.note(identity, at: address)
        } catch {
            log.error(
                "the identity \(identity) of the restored server could not be noted: \(error)")
        }
    }

    private func connect() async throws -> ImmudbClient {
        defer { attempt.withLock { $0 = nil } }
        let new = try await ImmudbClient.connect(
            over: points, to: address, configuration, trustedRoots: roots,
            firstContact: .trustOnFirstUse, expecting: expected.withLock { $0 })
        client.withLock { $0 = new }
        return new
    }

    // MARK: the state

    /// Checks immudb's state every second until the task is cancelled, and logs changes.
    func watch() async {
        while true {
            let new = await look()
            // The result of a cancelled call says nothing about immudb.
            guard !Task.isCancelled else { return }
            let old = known.withLock { known in
                defer { known = new }
                return known
            }
            report(from: old, to: new)
            try? await Task.sleep(for: Self.watchInterval)
        }
    }

    private func report(from old: State, to new: State) {
        if new.isReachable, !old.isReachable {
            log.info("immudb \(new.identity ?? "without an identity") reached at \(address)")
        }
        if new.isServerChanged, let problem = new.problem {
            return failures.reportServerChange(problem)
        }
        guard new.problem != old.problem else { return }
        if let problem = new.problem {
            log.warning("immudb at \(address): \(problem.shortened)")
        } else if old.isReachable {
            log.info("immudb at \(address) serves everything again")
        }
    }

    private func look() async -> State {
        var state = State()
        do {
            let health: RPCResponse<Immudb_Schema_HealthResponse> = try await points.unary(
                ImmuService.health, Google_Protobuf_Empty(), metadata: Self.ownMetadata,
                timeout: .seconds(10))
            state = State(health)
        } catch {
            state.identity = self.state.identity
            state.problem = (error as? RPCError)?.message ?? "\(error)"
            return state
        }
        // The server is another one, perhaps one that is newly trusted: make the client again.
        client.withLock { client in
            if let known = client?.identity.text, known != state.identity { client = nil }
        }
        do {
            // Without its trusted root, no verified call succeeds.
            try await verifyingClient(within: .seconds(30)).keptRoot()
        } catch {
            state.problem = (error as? ClientError)?.message ?? "\(error)"
            state.isServerChanged = (error as? ClientError)?.code == .serverChanged
            // Do not ask this server anything else.
            return state
        }
        await askForAuthentication(&state)
        return state
    }

    /// Finds out whether immudb requires a token, when it is first reached and periodically, since it may have been
    /// restarted.
    private func askForAuthentication(_ state: inout State) async {
        let old = self.state
        if let asked = old.authenticationAsked, old.isReachable, old.identity == state.identity,
            ContinuousClock.now - asked < Self.authenticationInterval
        {
            state.authentication = old.authentication
            state.authenticationAsked = asked
            return
        }
        state.authenticationAsked = .now
        do {
            let _: RPCResponse<Immudb_Schema_Item> = try await points.unary(
                ImmuService.get, Immudb_Schema_Key.with { $0.key = Data([0]) },
                metadata: Self.ownMetadata, timeout: .seconds(10), check: limits[ImmuService.get])
            state.authentication = false
        } catch {
            switch (error as? RPCError)?.code {
            case .unauthenticated: state.authentication = true
            // immudb refuses this key, so the call reads nothing; an admitted caller gets one of these errors.
            case .notFound, .invalidArgument: state.authentication = false
            default: break
            }
        }
    }

    /// Marks the gateway's own calls as those of a gateway.
    private static let ownMetadata: Metadata = [ImmuMetadata.forwardedFor: "unknown"]

    func close() async {
        attempt.withLock { $0 }?.cancel()
        await points.shutdown()
        await bulk.shutdown()
    }
}
