import ImmudbProtocol
import RPCTransport
import SwiftProtobuf

/// The outcome of one call, and who answered: the identity comes with errors too.
struct Answer<Response: Message>: Sendable {
    var result: Result<Response, ClientError>
    /// nil if nobody answered.
    var identity: String?
}

/// The transport below a client: adds deadlines, and turns the transport's errors into those of
/// this module.
struct Connection: Sendable {
    /// Host and port, for messages.
    let address: String
    private let transport: RPCClient
    private let callTimeout: Duration
    /// Sent with each call.
    private let metadata: Metadata

    init(_ configuration: ImmudbClient.Configuration) {
        address = configuration.address
        callTimeout = .milliseconds(configuration.callTimeoutMilliseconds)
        metadata = configuration.token.map { [ImmuMetadata.authorization: "Bearer \($0)"] } ?? [:]
        var settings = RPCClient.Configuration(host: configuration.host, port: configuration.port)
        settings.connectTimeout = .milliseconds(configuration.connectTimeoutMilliseconds)
        // The largest value of a request, and its proof around it.
        settings.maxReceiveMessageByteCount = 40 << 20
        transport = RPCClient(settings)
    }

    func call<Request: Message, Response: Message>(
        _ path: String, _ request: Request
    ) async -> Answer<Response> {
        do {
            let response: RPCResponse<Response> = try await transport.unary(
                path, request, metadata: metadata, timeout: callTimeout)
            return Answer(
                result: .success(response.message),
                identity: response.headers.first(ImmuMetadata.serverIdentity))
        } catch let error as RPCError {
            return Answer(
                result: .failure(ClientError(error, server: address)),
                identity: error.headers.first(ImmuMetadata.serverIdentity))
        } catch is CancellationError {
            return Answer(result: .failure(ClientError(.cancelled, "the call was cancelled")))
        } catch {
            let failure = ClientError(.unavailable, "\(error) (immudb at \(address))", cause: error)
            return Answer(result: .failure(failure))
        }
    }

    /// A call with any number of answers, without a deadline: how long it takes is up to the data.
    func stream<Request: Message, Response: Message>(
        _ path: String, _ request: Request
    ) async throws(ClientError) -> RPCResponseStream<Response> {
        do {
            return try await transport.serverStreaming(path, request, metadata: metadata)
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
