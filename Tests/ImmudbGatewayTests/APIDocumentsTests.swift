import Foundation
import HTTPTypes
import ImmudbProtocol
import NIOHTTP1
import RPCTransport
import TestTools
import Testing

@testable import ImmudbGateway

@Suite("The documents of the REST interface")
struct APIDocumentsTests {
    static let paths = [
        "/openapi.json", "/swagger.json", "/gw.schema.swagger.json", "/schema.swagger.json",
    ]

    private func document(_ path: String) throws -> [String: Any] {
        let text = try #require(APIDocuments.all[path])
        return try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// The operations of a document: `GET /v1/…`, and the object.
    private func operations(_ path: String) throws -> [String: [String: Any]] {
        let paths = try #require(try document(path)["paths"] as? [String: [String: [String: Any]]])
        var all: [String: [String: Any]] = [:]
        for (template, methods) in paths {
            for (method, operation) in methods {
                all["\(method.uppercased()) \(template)"] = operation
            }
        }
        return all
    }

    @Test("are four, at the paths that clients know")
    func documents() {
        #expect(Set(APIDocuments.all.keys) == Set(Self.paths))
        #expect(APIDocuments.all["/swagger.json"] == APIDocuments.all["/gw.schema.swagger.json"])
    }

    @Test(
        "have every route and no other, under the name of its remote procedure",
        arguments: APIDocumentsTests.paths)
    func routes(path: String) throws {
        let described = try operations(path).mapValues { $0["operationId"] as? String }
        let served = Dictionary(
            uniqueKeysWithValues: Routes.all.map {
                ("\($0.method.rawValue) \($0.template)", $0.procedure.name as String?)
            })
        #expect(described == served)
        #expect(Set(described.values).count == Routes.all.count)
    }

    @Test(
        "have every schema, response and parameter that they name, and name all",
        arguments: APIDocumentsTests.paths)
    func references(path: String) throws {
        let document = try document(path)
        let named = references(in: document)
        var defined: Set<String> = []
        for place in ["definitions", "components/schemas", "components/responses"] {
            var found: Any? = document
            for name in place.split(separator: "/") {
                found = (found as? [String: Any])?[String(name)]
            }
            for name in (found as? [String: Any] ?? [:]).keys {
                defined.insert("#/\(place)/\(name)")
            }
        }
        let parameters = named.filter { $0.hasPrefix("#/components/parameters/") }
        #expect(parameters.isSubset(of: ["#/components/parameters/GrpcTimeout"]))
        #expect(named.subtracting(parameters) == defined)
        #expect(defined.count > 20)
    }

    private func references(in value: Any) -> Set<String> {
        switch value {
        case let object as [String: Any]:
            object.reduce(into: []) { names, field in
                if field.key == "$ref", let name = field.value as? String { names.insert(name) }
                names.formUnion(references(in: field.value))
            }
        case let list as [Any]: list.reduce(into: []) { $0.formUnion(references(in: $1)) }
        default: []
        }
    }

    @Test("ask for a token where immudb does", arguments: APIDocumentsTests.paths)
    func security(path: String) throws {
        let operations = try operations(path)
        let open = operations.values.filter { ($0["security"] as? [Any])?.isEmpty == true }
        #expect(
            Set(open.compactMap { $0["operationId"] as? String })
                == ["Login", "CurrentRoot", "Health"])
        let isSwagger = try document(path)["swagger"] != nil
        let others = operations.count - open.count
        // Swagger's says so once for all.
        #expect(
            operations.values.count { ($0["security"] as? [Any])?.count == 1 }
                == (isSwagger ? 0 : others))
        #expect((try document(path)["security"] as? [Any])?.count == (isSwagger ? 1 : nil))
    }

    @Test("tell what the gateway answers from what immudb answers")
    func answers() throws {
        func schemas(_ path: String) throws -> [String: String] {
            let operations = try operations(path)
            return operations.values.reduce(into: [:]) { names, operation in
                let success = (operation["responses"] as? [String: Any])?["200"] as? [String: Any]
                let schema = success?["schema"] as? [String: Any]
                let name = (schema?["$ref"] as? String)?.split(separator: "/").last
                names[operation["operationId"] as? String ?? ""] = name.map(String.init) ?? "stream"
            }
        }
        let (gateway, immudb) = (
            try schemas("/swagger.json"), try schemas("/schema.swagger.json")
        )
        let changed = Set(gateway.keys).filter { gateway[$0] != immudb[$0] }
        #expect(
            changed == ["Set", "SafeSet", "SafeReference", "SafeZAdd", "SafeGet", "History"])
        #expect(gateway["SafeSet"] == "gatewayVerifiedIndex")
        #expect(immudb["SafeSet"] == "schemaProof")
        #expect(immudb["SafeZAdd"] == "schemaProof")
        #expect(immudb["SafeReference"] == "schemaProof")
        #expect(immudb["SafeGet"] == "schemaSafeItem")
        #expect(immudb["History"] == "schemaItemList")
        #expect(immudb["Set"] == "schemaIndex")
        #expect(gateway["Dump"] == "stream")
        func text(_ path: String) throws -> String { try #require(APIDocuments.all[path]) }
        #expect(try !text("/swagger.json").contains("rootIndex"))
        #expect(try text("/schema.swagger.json").contains("rootIndex"))
        #expect(try !text("/schema.swagger.json").contains("gateway"))
    }

    @Test("list every status that an error of a call has")
    func statuses() throws {
        for (name, operation) in try operations("/openapi.json") {
            let responses = try #require(operation["responses"] as? [String: Any])
            let listed = Set(responses.keys.compactMap { Int($0) })
            for code in 1...16 {
                let status = StatusCode(rawValue: code).httpStatus.code
                #expect(listed.contains(status), "\(name): \(status)")
            }
            let isVerified = Routes.all.contains {
                $0.isVerified && $0.procedure.name == operation["operationId"] as? String
            }
            #expect(listed.contains(413) && listed.contains(502) == isVerified, "\(name)")
        }
    }

    @Test("are served as JSON, to pages of other origins, too, as is the page to try the calls")
    func served() async throws {
        let gateway = try await TestGateway(immudbPort: 1, in: folder)
        for path in Self.paths {
            let answer = try await gateway.request(.GET, path, nil, [("Origin", "http://other")])
            #expect(answer.status == 200 && answer.body == APIDocuments.all[path], "\(path)")
            #expect(answer.headers["content-type"] == ["application/json"])
            #expect(answer.headers["access-control-allow-origin"] == ["*"])
        }
        for (path, type) in [
            ("/docs", "text/html; charset=utf-8"),
            ("/docs/docs.js", "text/javascript; charset=utf-8"),
            ("/docs/docs.css", "text/css; charset=utf-8"),
        ] {
            let answer = try await gateway.request(.GET, path)
            #expect(answer.status == 200 && answer.headers["content-type"] == [type], "\(path)")
        }
        await gateway.stop()
    }

    private let folder = TemporaryFolder()
}
