import Foundation
import HTTPTypes
import Hummingbird
import ImmudbClient
import NIOCore
import PrometheusMetrics

/// Everything that the gateway serves besides the REST interface: for people, browsers, probes and Prometheus.
struct Pages: Sendable {
    private let registry: PrometheusRegistry
    private let files: [String: StaticFile]

    /// - Parameter registry: has the metrics of the process.
    init(_ registry: PrometheusRegistry) {
        self.registry = registry
        files = StaticFile.all
    }

    /// - Parameter path: the path of the request, not decoded, since no page's name needs decoding.
    func answer(_ head: HTTPRequest, _ path: String, _ core: GatewayCore) -> Response {
        let path = String(path.prefix { $0 != "?" && $0 != "#" })
        guard let page = page(path, core) else { return .plain(.notFound) }
        guard head.method == .get || head.method == .head else {
            return .wrongMethod(allowed: "GET, HEAD")
        }
        var response = page
        if head.method == .head {
            response.headers[.contentLength] = "\(page.body.contentLength ?? 0)"
            response.body = ResponseBody()
        }
        return response
    }

    private func page(_ path: String, _ core: GatewayCore) -> Response? {
        switch path {
        case "/metrics":
            core.metrics.look(at: core)
            return .text(registry.text(), PrometheusRegistry.contentType)
        case "/healthz": return .text("ok\n")
        case "/readyz": return readiness(core)
        case "/": return .text(IndexPage.html(core), "text/html; charset=utf-8", .page)
        case "/console":
            return Response(status: .permanentRedirect, headers: [.location: "/console/"])
        case "/console/status":
            return .text(ConsoleStatus.json(core), "application/json", [.cacheControl: "no-store"])
        default: return (files[path] ?? StaticFile.documents[path])?.response
        }
    }

    /// Answers whether the gateway can serve requests, with the reason if not.
    private func readiness(_ core: GatewayCore) -> Response {
        guard let problem = core.upstream.state.problem else { return .text("ok\n") }
        var response = Response.text("not ready: immudb at \(core.upstream.address): \(problem)\n")
        response.status = .serviceUnavailable
        return response
    }
}

extension Response {
    static func text(
        _ text: String, _ type: String = "text/plain; charset=utf-8", _ headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        headers[.xContentTypeOptions] = "nosniff"
        return Response(
            status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

extension HTTPFields {
    /// Restricts pages of the gateway to resources of the gateway itself.
    static let page: HTTPFields = [
        .contentSecurityPolicy:
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            + "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        .xContentTypeOptions: "nosniff", HTTPField.Name("Referrer-Policy")!: "no-referrer",
        .cacheControl: "no-cache",
    ]
}

/// A file that is part of the program.
struct StaticFile: Sendable {
    private let bytes: [UInt8]
    private let type: String

    /// The files by path.
    static let all: [String: StaticFile] = {
        var files: [String: StaticFile] = [:]
        for asset in Assets.all {
            files["/\(asset.folder)/\(asset.name)"] = StaticFile(asset)
            if asset.name == "\(asset.folder).html" {
                files["/\(asset.folder)/"] = StaticFile(asset)
            }
        }
        files["/docs"] = files["/docs/"]
        return files
    }()

    /// The descriptions of the REST interface by path, generated at the first request.
    static let documents = APIDocuments.all.mapValues {
        StaticFile(Array($0.utf8), "application/json")
    }

    private init(_ asset: Assets.Asset) {
        let types = [
            "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
            "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
        ]
        let ending = asset.name.split(separator: ".").last.map(String.init) ?? ""
        self.init(asset.bytes, types[ending] ?? "application/octet-stream")
    }

    private init(_ bytes: [UInt8], _ type: String) {
        self.bytes = bytes
        self.type = type
    }

    var response: Response {
        var headers = HTTPFields.page
        headers[.contentType] = type
        return Response(
            status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
