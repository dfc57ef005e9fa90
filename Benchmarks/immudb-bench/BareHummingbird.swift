import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// Serves routes of Hummingbird's router that read the body and answer the same bytes each time, with the decoder's limits
/// that the gateway has; ends when it is killed.
///
/// - Parameters:
///   - body: of the answer.
///   - fields: of the answer's head, as `name: value`.
func serveHummingbird(port: Int, body: String, fields: [String]) async throws {
    var headers = HTTPFields()
    for field in fields {
        guard let colon = field.firstIndex(of: ":"),
            let name = HTTPField.Name(String(field[..<colon]))
        else { throw BenchError("\(field) is no header field") }
        headers.append(
            HTTPField(name: name, value: String(field[field.index(colon, offsetBy: 2)...])))
    }
    let answer = ByteBuffer(string: body)
    let router = Router()
    for (method, path) in [
        (.post, "item"), (.post, "item/safe"), (.get, "item/:key"), (.post, "item/safe/get"),
    ] as [(HTTPRequest.Method, String)] {
        router.on("/v1/immurestproxy/\(path)", method: method) { [headers] request, _ in
            _ = try await request.body.collect(upTo: 48 << 20)
            return Response(status: .ok, headers: headers, body: .init(byteBuffer: answer))
        }
    }
    let application = Application(
        router: router,
        server: .http1(
            configuration: .init(
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 16 << 10,
                    maxHeaderFieldCount: 100))),
        configuration: .init(
            address: .hostname("127.0.0.1", port: port), serverName: "immugw", backlog: 1_024),
        logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
    try await application.runService(gracefulShutdownSignals: [])
}
