import HTTPTypes
import ImmudbProtocol
import RPCTransport
import Testing

@testable import ImmudbGateway

@Suite("The routes of the REST interface")
struct RouteTests {
    /// As rest.md has them: method, path, remote procedure.
    private static let specified: [(String, String, String)] = [
        ("POST", "/login", "Login"), ("POST", "/item", "Set"), ("POST", "/item/safe", "SafeSet"),
        ("GET", "/item/{key}", "Get"), ("POST", "/item/safe/get", "SafeGet"),
        ("POST", "/batch/set", "SetBatch"), ("POST", "/batch/get", "GetBatch"),
        ("POST", "/item/scan", "Scan"), ("GET", "/item/count/{prefix}", "Count"),
        ("GET", "/root", "CurrentRoot"), ("GET", "/inclusionproof/{index}", "Inclusion"),
        ("GET", "/consistencyproof/{index}", "Consistency"),
        ("GET", "/item/index/{index}", "ByIndex"), ("GET", "/history/{key}", "History"),
        ("GET", "/healthresponse", "Health"), ("POST", "/reference", "Reference"),
        ("POST", "/safe/reference", "SafeReference"), ("POST", "/zadd", "ZAdd"),
        ("POST", "/zscan", "ZScan"), ("POST", "/safe/zadd", "SafeZAdd"),
        ("POST", "/iscan", "IScan"),
        ("POST", "/dump", "Dump"),
    ]

    @Test("are those of immugw 0.6")
    func table() {
        let routes = Routes.all.map {
            "\($0.method.rawValue) \($0.template.dropFirst(Routes.base.count)) \($0.procedure.name)"
        }
        #expect(Set(routes) == Set(Self.specified.map { "\($0) \($1) \($2)" }))
        #expect(routes.count == 22)
    }

    private func find(_ method: String, _ path: String, isForm: Bool = false) -> String {
        switch Routes.match(method, path[...], mayFallBackToGet: isForm) {
        case .route(let position, let parameter):
            Routes.all[position].procedure.name + (parameter.map { " \($0)" } ?? "")
        case .wrongMethod: "405"
        case .unknown: "404"
        }
    }

    @Test(
        "are found by exact segments",
        arguments: [
            ("GET", "item/YQ==", "Get YQ=="), ("GET", "item/", "Get "), ("GET", "item", "405"),
            ("GET", "item/scan", "Get scan"), ("POST", "item/scan", "Scan"),
            ("GET", "item/safe/get", "405"), ("GET", "item/count/YQ==", "Count YQ=="),
            ("GET", "item/count", "Get count"), ("POST", "item/YQ==", "405"),
            ("PUT", "root", "405"), ("HEAD", "root", "405"), ("GET", "root", "CurrentRoot"),
            ("GET", "root/", "404"), ("GET", "/root", "404"), ("GET", "", "404"),
            ("GET", "item//YQ==", "404"), ("GET", "item/a/b", "404"), ("GET", "root:verb", "404"),
            ("GET", "item/YQ==:verb", "404"), ("GET", "ROOT", "404"),
            ("GET", "history/YQ==", "History YQ=="), ("POST", "history/YQ==", "405"),
        ])
    func match(method: String, path: String, found: String) {
        #expect(find(method, path) == found)
    }

    @Test(
        "are named to a request of another method",
        arguments: [
            ("PUT", "root", "GET"), ("GET", "login", "POST"), ("DELETE", "item/safe", "GET, POST"),
        ])
    func allowedMethods(method: String, path: String, allowed: String) {
        guard case .wrongMethod(let named) = Routes.match(method, path[...]) else {
            Issue.record("\(method) \(path) has an answer")
            return
        }
        #expect(named == allowed)
    }

    @Test("of GET are also found by a form that is posted")
    func form() {
        #expect(find("POST", "root", isForm: true) == "CurrentRoot")
        #expect(find("POST", "item/YQ==", isForm: true) == "Get YQ==")
        #expect(find("GET", "login", isForm: true) == "405")
    }
}

@Suite("What of a request goes on to immudb")
struct ForwardedMetadataTests {
    private func forwarded(_ fields: HTTPFields) throws -> [String: String] {
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: "gw:3323", path: "/", headerFields: fields)
        var texts: [String: String] = [:]
        for field in try ForwardedMetadata.of(head, from: "10.0.0.9", limit: 12 << 10).fields {
            guard case .text(let text) = field.value else { continue }
            texts[field.name] = text
        }
        return texts
    }

    private func name(_ name: String) throws -> HTTPField.Name {
        try #require(HTTPField.Name(name))
    }

    @Test("is the token, as it is, and once more under the gateway's name")
    func token() throws {
        let metadata = try forwarded([.authorization: "Bearer abc"])
        #expect(metadata["authorization"] == "Bearer abc")
        #expect(metadata["grpcgateway-authorization"] == "Bearer abc")
    }

    @Test("is metadata that the caller sets by its prefix, and fields that IANA knows")
    func prefixed() throws {
        let metadata = try forwarded([
            try name("Grpc-Metadata-Trace"): "7", .userAgent: "curl", try name("X-Own"): "no",
        ])
        #expect(metadata["trace"] == "7")
        #expect(metadata["grpcgateway-user-agent"] == "curl")
        #expect(metadata["grpcgateway-host"] == "gw:3323")
        #expect(!metadata.keys.contains { $0.contains("own") })
    }

    @Test(
        "is never what makes the caller somebody else",
        arguments: [
            "client_id", "Client_Id", "x-forwarded-for", "X-Forwarded-Host", "grpc-timeout",
            "content-type",
        ])
    func reserved(field: String) throws {
        let metadata = try forwarded([try name("Grpc-Metadata-\(field)"): "immuadmin"])
        #expect(!metadata.values.contains("immuadmin"))
        #expect(metadata["x-forwarded-for"] == "10.0.0.9")
        #expect(metadata["x-forwarded-host"] == "gw:3323")
    }

    @Test("names the client behind those that proxies have named")
    func addresses() throws {
        let metadata = try forwarded([
            try name("X-Forwarded-For"): "192.0.2.1", try name("X-Forwarded-Host"): "example.org",
        ])
        #expect(metadata["x-forwarded-for"] == "192.0.2.1, 10.0.0.9")
        #expect(metadata["x-forwarded-host"] == "example.org")
    }

    @Test("is bounded: what browsers send is left out, what callers send on purpose is refused")
    func limit() throws {
        let large = String(repeating: "v", count: 20_000)
        let metadata = try forwarded([.cookie: large, .authorization: "Bearer abc"])
        #expect(metadata["authorization"] == "Bearer abc")
        #expect(metadata["grpcgateway-cookie"] == nil)
        #expect { try forwarded([try name("Grpc-Metadata-X"): large]) } throws: {
            ($0 as? GatewayError)?.status.code == 431
        }
    }

    @Test(
        "has the time that the caller gives the call",
        arguments: [
            ("1H", Duration.seconds(3_600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
            ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("6n", .nanoseconds(6)),
            ("99999999S", .seconds(99_999_999)),
        ])
    func timeout(text: String, duration: Duration) throws {
        let head = HTTPRequest(
            method: .get, scheme: nil, authority: nil, path: "/",
            headerFields: [try name("Grpc-Timeout"): text])
        #expect(try GRPCTimeout.of(head) == duration)
    }

    @Test(
        "has no time if the field is not a number with a unit",
        arguments: ["", "S", "5", "5x", "-1S", "+1S", "1.5S", "999999999S", "1 S", "٣S"])
    func badTimeout(text: String) throws {
        let head = HTTPRequest(
            method: .get, scheme: nil, authority: nil, path: "/",
            headerFields: [try name("Grpc-Timeout"): text])
        #expect { try GRPCTimeout.of(head) } throws: { error in
            (error as? GatewayError)?.message == "invalid grpc-timeout: \(text)"
                && (error as? GatewayError)?.status == .badRequest
        }
    }
}
