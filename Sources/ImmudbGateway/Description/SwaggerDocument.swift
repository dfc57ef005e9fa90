import ImmudbClient

/// The REST interface in Swagger 2.0, for the generators of clients of immudb 0.6.
struct SwaggerDocument {
    enum Subject {
        /// The requests and answers of the gateway.
        case gateway
        /// The requests and answers of immudb itself, with proofs.
        case immudb
    }

    private let subject: Subject
    private let dialect: SwaggerSchemas

    static func make(_ subject: Subject) -> JSONValue {
        SwaggerDocument(subject: subject, dialect: SwaggerSchemas(subject: subject)).json
    }

    private var json: JSONValue {
        [
            "swagger": "2.0",
            "info": ["title": "schema.proto", "version": .string(ImmudbClient.version)],
            "schemes": ["http", "https"], "consumes": ["application/json"],
            "produces": ["application/json"],
            "paths": Route.paths(operation), "definitions": definitions.json,
            "securityDefinitions": [
                "bearer": ["type": "apiKey", "name": "Authorization", "in": "header"]
            ],
            "security": [["bearer": []]],
        ]
    }

    private var definitions: NamedSchemas {
        var schemas = NamedSchemas()
        for route in Routes.all {
            if let body = route.body { schemas.add(body, in: dialect) }
            schemas.add(answer(of: route), in: dialect)
        }
        schemas.add(Self.error, as: "runtimeError")
        schemas.add(Self.streamError, as: "runtimeStreamError")
        return schemas
    }

    private func answer(of route: Route) -> SchemaDescription {
        switch subject {
        case .gateway: route.answer.schema
        case .immudb: route.answerOfImmudb
        }
    }

    private func operation(_ route: Route) -> JSONValue {
        var json: JSONValue = [
            "operationId": .string(route.operationID), "tags": ["ImmuService"],
            "summary": .string(subject == .gateway ? route.summary : route.summaryOfImmudb),
        ]
        let parameters = parameters(of: route)
        if !parameters.isEmpty { json = json.adding(["parameters": .array(parameters)]) }
        json = json.adding([
            "responses": [
                "200": success(of: route),
                "default": [
                    "description": "An error.", "schema": errorReference(of: route),
                ],
            ]
        ])
        return route.needsToken ? json : json.adding(["security": []])
    }

    private func parameters(of route: Route) -> [JSONValue] {
        var all: [JSONValue] = []
        if let parameter = route.parameter {
            let place: JSONValue = [
                "name": .string(parameter.name), "in": "path", "required": true,
            ]
            // A number in a path is a string of digits, too.
            let type: FieldType =
                if case .bytes = parameter.type { .bytes } else { .uint64(asString: true) }
            all.append(place.adding(dialect.schema(of: type)))
        }
        if let body = route.body {
            all.append([
                "name": "body", "in": "body", "required": true, "schema": dialect.reference(body),
            ])
        }
        return all
    }

    private func success(of route: Route) -> JSONValue {
        let schema = dialect.reference(answer(of: route))
        guard case .lines = route.answer else {
            return ["description": "The answer.", "schema": schema]
        }
        return [
            "description":
                "Lines: each is an object with a result; the last one has an error if the stream failed.",
            "schema": [
                "type": "object",
                "properties": [
                    "result": schema, "error": ["$ref": "#/definitions/runtimeStreamError"],
                ],
            ],
        ]
    }

    private func errorReference(of route: Route) -> JSONValue {
        guard case .lines = route.answer else { return ["$ref": "#/definitions/runtimeError"] }
        return [
            "type": "object",
            "properties": ["error": ["$ref": "#/definitions/runtimeStreamError"]],
        ]
    }

    private static let code: JSONValue = ["type": "integer", "format": "int32"]

    private static let error: JSONValue = [
        "type": "object",
        "properties": [
            "error": ["type": "string"], "code": code, "message": ["type": "string"],
            "details": ["type": "array", "items": ["type": "object"]],
        ],
    ]

    private static let streamError: JSONValue = [
        "type": "object",
        "properties": [
            "grpc_code": code, "http_code": code, "message": ["type": "string"],
            "http_status": ["type": "string"],
        ],
    ]
}
