import ImmudbProtocol
import RPCTransport
import SwiftProtobuf
import Synchronization

/// The outcome of one call, with the identity of the server, which errors carry, too.
struct Answer<Response: Message>: Sendable {
    var result: Result<Response, ClientError>
    /// The server's identity; nil if no server answered.
    var identity: String?
    /// The trailers of an answer with a message.
    var trailers = Metadata()
}

/// The transport of a client: adds deadlines and the user's token, and converts the transport's errors to those of this
/// module.
final class Connection: Sendable {
    /// Host and port, for messages.
    let address: String
    /// The timeout of each call, and of each message of a stream.
    let callTimeout: Duration
    private let transport: RPCClient
    /// Whether nobody else uses the transport, so that it ends with this connection.
    private let ownsTransport: Bool
    private let limits: AnswerLimits
    private let token: Mutex<String?>
    private let isForAdministration: Bool
    /// Metadata of the one for whom calls are made, sent with each beside the token.
    private let forwarded: Metadata
    private let admit: AnswerAdmission?

    /// - Throws: `ClientError` with code `.unavailable` if the configuration names no server.
    init(_ configuration: ImmudbClient.Configuration, _ tls: ClientTLS?) throws(ClientError) {
        let server: ServerAddress
        do throws(ServerAddress.Fault) {
            server = try ServerAddress(configuration.host, port: configuration.port)
        } catch {
            throw ClientError(
                .unavailable, "the host is \"\(configuration.host)\": \(error)")
        }
        address = server.description
        limits = AnswerLimits(maxAnswerByteCount: configuration.maxReceiveMessageByteCount)
        callTimeout = .milliseconds(configuration.callTimeoutMilliseconds)
        var settings = RPCClient.Configuration(host: server.host, port: server.port)
        settings.connectTimeout = .milliseconds(configuration.connectTimeoutMilliseconds)
        settings.waitForReady = configuration.waitsForServer
        settings.maxReceiveMessageByteCount = configuration.maxReceiveMessageByteCount
        settings.tls = tls
        transport = RPCClient(settings)
        ownsTransport = true
        token = Mutex(configuration.token)
        isForAdministration = configuration.isForAdministration
        forwarded = Metadata()
        admit = nil
    }

    /// Makes calls over a transport that others use, too.
    init(over transport: RPCClient, to address: String, _ configuration: ImmudbClient.Configuration)
    {
        self.address = address
        limits = AnswerLimits(maxAnswerByteCount: configuration.maxReceiveMessageByteCount)
        callTimeout = .milliseconds(configuration.callTimeoutMilliseconds)
        self.transport = transport
        ownsTransport = false
        token = Mutex(nil)
        isForAdministration = false
        forwarded = Metadata()
        admit = nil
    }

    /// Makes calls for somebody else over the same transport: with their metadata, and none of this connection's.
    init(
        _ other: Connection, forwarding metadata: Metadata, callTimeout: Duration,
        admit: AnswerAdmission?
    ) {
        address = other.address
        limits = other.limits
        self.callTimeout = callTimeout
        transport = other.transport
        ownsTransport = false
        token = Mutex(nil)
        isForAdministration = false
        forwarded = metadata
        self.admit = admit
    }

    /// Sends a token with all later calls; nil: none.
    func use(token new: String?) {
        token.withLock { $0 = new }
    }

    private func metadata(withToken: Bool = true) -> Metadata {
        var metadata = forwarded
        if withToken, let token = token.withLock({ $0 }) {
            metadata.add(ImmuMetadata.authorization, "Bearer \(token)")
        }
        if isForAdministration {
            metadata.add(ImmuMetadata.clientIdentity, ImmuMetadata.administrationClient)
        }
        return metadata
    }

    /// - Parameters:
    ///   - extra: metadata of this call, beside the token.
    ///   - withToken: false while it is not known who the server is.
    func call<Request: Message, Response: Message>(
        _ path: String, _ request: Request, _ extra: Metadata = Metadata(), withToken: Bool = true
    ) async -> Answer<Response> {
        var metadata = metadata(withToken: withToken)
        metadata.add(contentsOf: extra)
        do {
            let response: RPCResponse<Response> = try await transport.unary(
                path, request, metadata: metadata, timeout: callTimeout, check: limits[path],
                admit: admit)
            return Answer(
                result: .success(response.message),
                identity: response.headers.first(ImmuMetadata.serverIdentity),
                trailers: response.trailers)
        } catch {
            // The transport throws no other errors.
            let error =
                error as? RPCError
                ?? RPCError(.internalError, "\(error)", requestFate: .mayHaveBeenProcessed)
            return Answer(
                result: .failure(failure(error, of: path)),
                // An answer without a message may have its headers in the trailers.
                identity: error.headers.first(ImmuMetadata.serverIdentity)
                    ?? error.trailers.first(ImmuMetadata.serverIdentity))
        }
    }

    private func failure(_ error: RPCError, of path: String) -> ClientError {
        let failure = ClientError(error, server: address)
        guard ImmuService.writes.contains(path), ClientError.leavesWriteOpen(error) else {
            return failure
        }
        return .outcomeUnknown(failure.message, cause: failure)
    }

    /// Starts a call with any number of answers, without a deadline for all of them: its duration depends on the data.
    func stream<Request: Message, Response: Message>(
        _ path: String, _ request: Request
    ) async throws(ClientError) -> RPCResponseStream<Response> {
        do {
            return try await transport.serverStreaming(
                path, request, metadata: metadata(), messageTimeout: callTimeout,
                check: limits[path])
        } catch let error as RPCError {
            throw ClientError(error, server: address)
        } catch is CancellationError {
            throw ClientError(.cancelled, "the call was cancelled")
        } catch {
            throw ClientError(.unavailable, "\(error) (immudb at \(address))", cause: error)
        }
    }

    func close() async {
        if ownsTransport { await transport.shutdown() }
    }
}
