import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import POSIX
import Terminal

/// Fetches the metrics of a server, each time on a new connection, since servers accept only a few.
public struct MetricsSource: Sendable {
    /// The time limit for the whole answer.
    public static let timeoutSeconds: Int64 = 3

    public let host: String
    public let port: Int
    /// A longer answer is refused.
    var maxByteCount = MetricsText.maxByteCount
    private let client: HTTPClient

    private init(host: String, port: Int, client: HTTPClient) {
        self.host = host
        self.port = port
        self.client = client
    }

    /// The address of the metrics: `host:port`.
    public var address: String { hostAndPort(host, port) }

    /// Runs `body` with a source, and closes the source afterwards. It follows no redirects, uses no proxy, and
    /// accepts no compressed answers.
    public static func with<Value: Sendable>(
        host: String, port: Int, _ body: (MetricsSource) async throws -> Value
    ) async throws -> Value {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(timeoutSeconds), read: .seconds(timeoutSeconds)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.maximumUsesPerConnection = 1
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        let result: Result<Value, any Error>
        do {
            result = .success(
                try await body(MetricsSource(host: host, port: port, client: client)))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        return try result.get()
    }

    /// Fetches the answer to `/metrics`: at most ``MetricsText/maxByteCount`` bytes, within ``timeoutSeconds``.
    ///
    /// - Throws: `MetricsError`, with the address and advice; `CancellationError`.
    public func fetch() async throws -> [UInt8] {
        do {
            return try await withThrowingTaskGroup(of: [UInt8].self) { group in
                group.addTask { try await ask() }
                group.addTask {
                    try await Task.sleep(for: .seconds(Self.timeoutSeconds))
                    throw HTTPClientError.deadlineExceeded
                }
                defer { group.cancelAll() }
                return try await group.next() ?? []
            }
        } catch let error as MetricsError {
            throw MetricsError(error.code, error.reason, address: address)
        } catch {
            try Task.checkCancellation()
            throw MetricsError(.unreachable, Self.reason(error), address: address)
        }
    }

    /// Fetches the metrics and reads their numbers.
    public func statistics() async throws -> ServerStatistics {
        let bytes = try await fetch()
        do {
            return try ServerStatistics(MetricsText(bytes))
        } catch {
            throw MetricsError(error.code, error.reason, address: address)
        }
    }

    private func ask() async throws -> [UInt8] {
        var request = HTTPClientRequest(url: "http://\(address)/metrics")
        request.headers.add(name: "accept", value: "text/plain")
        let response = try await client.execute(request, timeout: .seconds(Self.timeoutSeconds))
        guard response.status == .ok else {
            throw MetricsError(
                .notMetrics, "it answers with the status \(response.status.code) of HTTP")
        }
        var bytes: [UInt8] = []
        for try await buffer in response.body {
            bytes += buffer.readableBytesView
            guard bytes.count <= maxByteCount else {
                throw MetricsError(.tooLarge, "the answer has more than \(maxByteCount) bytes")
            }
        }
        return bytes
    }

    private static let timeouts: [HTTPClientError] = [
        .deadlineExceeded, .connectTimeout, .readTimeout, .getConnectionFromPoolTimeout,
    ]

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first?.error { return reason(failure) }
            return "the name of the host has no address"
        case let error as IOError:
            return Errno(rawValue: error.errnoCode).description.lowercasedFirst
        case let error as HTTPClientError where timeouts.contains(error):
            return "no answer within \(timeoutSeconds) seconds"
        case ChannelError.connectTimeout(_): return "no answer within \(timeoutSeconds) seconds"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            return "the connection was closed before an answer"
        case let error as HTTPClientError where [.invalidURL, .emptyHost].contains(error):
            return "that is no address"
        default:
            // The text comes from a library, and may contain text of the server.
            let text = TerminalText.escaped(Array("\(error)".utf8).prefix(200) + [])
            return String(decoding: text, as: UTF8.self).replacing("\n", with: " ")
        }
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
