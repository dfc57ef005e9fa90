import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import PrometheusMetrics
import TestTools

@testable import ImmudbGateway

/// A gateway on a free port, and a client of it.
final class TestGateway: Sendable {
    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let body: String

        /// The body as a JSON object.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        }
    }

    let gateway: Gateway
    let registry = Gateway.makeRegistry()
    var port: Int { gateway.options.port }

    /// - Parameters:
    ///   - immudbPort: where immudb is.
    ///   - folder: keeps the trusted roots.
    init(
        immudbPort: Int, in folder: TemporaryFolder, isStrict: Bool = false,
        limits: RequestLimits = RequestLimits()
    ) async throws {
        var options = GatewayOptions()
        options.port = 0
        options.immudbPort = immudbPort
        options.directory = folder.path
        options.isStrict = isStrict
        gateway = try await Gateway.start(
            options, over: nil, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            metrics: registry, limits: limits)
    }

    func stop() async { await gateway.stop(deadline: .seconds(5)) }

    func request(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil,
        _ headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            body: String(buffer: bytes))
    }

    /// Calls a route of the REST interface with JSON.
    func post(
        _ route: String, _ body: String, _ headers: [(String, String)] = []
    ) async throws -> Answer {
        try await request(.POST, "\(Routes.base)/\(route)", body, headers)
    }

    func get(_ route: String, _ headers: [(String, String)] = []) async throws -> Answer {
        try await request(.GET, "\(Routes.base)/\(route)", nil, headers)
    }
}

func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
