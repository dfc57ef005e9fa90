import ImmudbClient

/// The REST interface in OpenAPI 3.1, as the gateway implements it.
enum OpenAPIDocument {
    private static let requests = OpenAPISchemas(role: .request)
    private static let answers = OpenAPISchemas(role: .answer)

    static func make() -> JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "immugw", "version": .string(ImmudbClient.version),
                "summary": "The REST gateway of immudb", "description": .string(description),
            ],
            "tags": [
                [
                    "name": "verified",
                    "description":
                        "The gateway verifies what immudb answers, with a trusted root that it keeps.",
                ],
                [
                    "name": "plain",
                    "description": "The gateway passes on what immudb answers.",
                ],
            ],
            "paths": Route.paths(operation),
            "components": [
                "schemas": schemas.json, "responses": OpenAPIErrors.responses,
                "parameters": ["GrpcTimeout": timeout],
                "securitySchemes": [
                    "bearer": [
                        "type": "http", "scheme": "bearer",
                        "description":
                            "A token of the operation Login, as text. Needed where immudb runs with --auth.",
                    ]
                ],
            ],
        ]
    }

    private static let description = """
        Bytes, such as keys and values, are standard base64 with padding. In paths the URL-safe alphabet is read, too; \
        use it there, since a slash begins another path. A key has at least one byte, and its first one is not zero.

        The body of a request is read as JSON, whatever its content type. No body and `null` are read as `{}`, a field \
        that is `null` as one that is not there, and unknown fields are ignored. Fields that are not required are zero, \
        false or empty when they are not there.

        A number of 64 bits is a number in some answers and a string in others, as clients of immugw 0.6 know it. Read \
        numbers with all 64 bits: JavaScript's own reader rounds those above 2^53.

        A path that is not listed is answered 404, and another method on a path that is listed 405, both as text. Header \
        fields of more than \(RequestLimits().maxHeaderByteCount >> 10) KiB, and bytes that are not HTTP, are answered 400 \
        without a body.
        """

    private static let timeout: JSONValue = [
        "name": "Grpc-Timeout", "in": "header",
        "description": .string(
            "How long the call may take: a number and H, M or S for hours, minutes and seconds, or m, u or n for "
                + "milliseconds, microseconds and nanoseconds. Without it "
                + "\(RequestLimits().callTimeout.components.seconds) seconds."),
        "schema": ["type": "string", "pattern": "^[0-9]{1,8}[HMSmun]$"],
    ]

    private static var schemas: NamedSchemas {
        var schemas = NamedSchemas()
        for route in Routes.all {
            if let body = route.body { schemas.add(body, in: requests) }
            schemas.add(route.answer.schema, in: answers)
        }
        OpenAPIErrors.addSchemas(to: &schemas)
        return schemas
    }

    // MARK: operations

    private static func operation(_ route: Route) -> JSONValue {
        var json: JSONValue = [
            "operationId": .string(route.operationID),
            "tags": [route.isVerified ? "verified" : "plain"],
            "summary": .string(route.summary), "parameters": parameters(of: route),
        ]
        if let body = route.body {
            json = json.adding(["requestBody": requestBody(body)])
        }
        let good = JSONValue.Field(name: "200", value: success(of: route))
        return json.adding([
            "responses": .object([good] + OpenAPIErrors.fields(of: route)),
            "security": route.needsToken ? [["bearer": []]] : [],
        ])
    }

    private static func parameters(of route: Route) -> JSONValue {
        let timeout: JSONValue = ["$ref": "#/components/parameters/GrpcTimeout"]
        guard let parameter = route.parameter else { return [timeout] }
        return [
            [
                "name": .string(parameter.name), "in": "path", "required": true,
                "schema": OpenAPISchemas.parameter(parameter.type),
            ],
            timeout,
        ]
    }

    private static func requestBody(_ body: SchemaDescription) -> JSONValue {
        [
            "required": .bool(body.fields.contains(where: requests.isRequired)),
            "content": ["application/json": ["schema": requests.reference(body)]],
        ]
    }

    private static func success(of route: Route) -> JSONValue {
        switch route.answer {
        case .message(let schema):
            [
                "description": .string(
                    route.isVerified
                        ? "The answer. `verified` is false if it does not follow from the trusted root; "
                            + "in strict mode that is an error instead."
                        : "The answer."),
                "content": ["application/json": ["schema": answers.reference(schema)]],
            ]
        case .lines(let schema):
            [
                "description": .string(
                    """
                    Lines, although the content type says JSON: each is an object and ends with a line feed. Its field \
                    `result` is a \(schema.name). The last line of a dump that failed underway has a field `error` \
                    instead, a gatewayStreamError. An empty database has no lines.
                    """),
                // OpenAPI 3.1 has no schema for the lines of a stream; this is that of 3.2, under an extension's
                // name.
                "content": ["application/json": ["x-itemSchema": line(schema)]],
            ]
        }
    }

    private static func line(_ schema: SchemaDescription) -> JSONValue {
        [
            "oneOf": [
                [
                    "type": "object", "properties": ["result": answers.reference(schema)],
                    "required": ["result"],
                ],
                ["$ref": "#/components/schemas/gatewayStreamError"],
            ]
        ]
    }
}
