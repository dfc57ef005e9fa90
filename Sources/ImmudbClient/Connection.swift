import ImmudbProtocol
import RPCTransport
import SwiftProtobuf
import Synchronization

/// The outcome of one call, and who answered: the identity comes with errors too.
struct Answer<Response: Message>: Sendable {
    var result: Result<Response, ClientError>
    /// nil if nobody answered.
    var identity: String?
    /// Of an answer with a message.
    var trailers = Metadata()
}

/// The transport below a client: adds deadlines and the user's token, and turns the transport's
/// errors into those of this module.
final class Connection: Sendable {
    /// Host and port, for messages.
    let address: String
    /// For each call, and for each message of a stream.
    let callTimeout: Duration
    private let transport: RPCClient
    private let limits: AnswerLimits
    private let token: Mutex<String?>
    private let isForAdministration: Bool

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
        token = Mutex(configuration.token)
        isForAdministration = configuration.isForAdministration
    }

    /// Sends a token with all calls from now on; nil: none.
    func use(token new: String?) {
        token.withLock { $0 = new }
    }

    private func metadata(withToken: Bool = true) -> Metadata {
        var metadata = Metadata()
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
                path, request, metadata: metadata, timeout: callTimeout, check: limits[path])
            return Answer(
                result: .success(response.message),
                identity: response.headers.first(ImmuMetadata.serverIdentity),
                trailers: response.trailers)
        } catch {
            // The transport throws nothing else.
            let error =
                error as? RPCError
                ?? RPCError(.internalError, "\(error)", requestFate: .mayHaveBeenProcessed)
            return Answer(
                result: .failure(failure(error, of: path)),
                // An answer without a message may bring its headers with the trailers.
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

    /// A call with any number of answers, without a deadline for all of it: how long it takes is up
    /// to the data.
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
        await transport.shutdown()
    }
}
