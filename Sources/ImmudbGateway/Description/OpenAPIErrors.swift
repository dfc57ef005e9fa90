import HTTPTypes

/// The descriptions of errors in OpenAPI 3.1.
struct OpenAPIErrors {
    /// A possible error of calls.
    struct Kind {
        let status: HTTPResponse.Status
        /// The name among the document's responses.
        let name: String
        let summary: String
    }

    static let all = [
        Kind(
            status: .badRequest, name: "InvalidArgument",
            summary:
                "The request cannot be read, or immudb refuses what it asks for (codes 3, 9 and 11)."
        ),
        Kind(
            status: .unauthorized, name: "Unauthenticated",
            summary: "There is no token, or one that is not valid (code 16)."),
        Kind(
            status: .forbidden, name: "PermissionDenied",
            summary: "The user or the password is wrong, or the user may not do this (code 7)."),
        Kind(status: .notFound, name: "NotFound", summary: "There is no such entry (code 5)."),
        Kind(
            status: .requestTimeout, name: "Cancelled", summary: "The call was cancelled (code 1)."),
        Kind(
            status: .conflict, name: "Conflict",
            summary: "immudb has ended the call because of another one (codes 6 and 10)."),
        Kind(
            status: .contentTooLarge, name: "BodyTooLarge",
            summary: "The body exceeds \(RequestLimits().maxBodyByteCount >> 20) MiB (code 8)."),
        Kind(
            status: .tooManyRequests, name: "ResourceExhausted",
            summary: "The entry is too large, or there is no room for the call now (code 8)."),
        Kind(
            status: .internalServerError, name: "Internal",
            summary:
                "The gateway or immudb failed (codes 2, 13 and 15). The message says if a write may have been stored."
        ),
        Kind(
            status: .notImplemented, name: "Unimplemented",
            summary: "immudb does not know the call (code 12)."),
        verificationFailed,
        Kind(
            status: .serviceUnavailable, name: "Unavailable",
            summary: "immudb cannot be reached, or does not serve the call (code 14)."),
        Kind(
            status: .gatewayTimeout, name: "DeadlineExceeded",
            summary: "The time for the call is over (code 4)."),
    ]

    private static let verificationFailed = Kind(
        status: .badGateway, name: "VerificationFailed",
        summary:
            "In strict mode: the answer does not follow from the trusted root (code 15). `details` has the evidence."
    )

    /// The responses to which routes refer.
    static var responses: JSONValue {
        .object(all.map { .init(name: $0.name, value: response($0, "gatewayError")) })
    }

    /// The errors of a route, by status.
    static func fields(of route: Route) -> [JSONValue.Field] {
        let kinds = all.filter { route.isVerified || $0.status != verificationFailed.status }
        return kinds.map { kind in
            JSONValue.Field(name: "\(kind.status.code)", value: response(kind, of: route))
        }
    }

    private static func response(_ kind: Kind, of route: Route) -> JSONValue {
        if case .lines = route.answer { return response(kind, "gatewayStreamError") }
        guard kind.status == .notFound, route.parameter != nil else {
            return ["$ref": "#/components/responses/\(kind.name)"]
        }
        return response(kind, "gatewayError", orText: true)
    }

    /// - Parameter isTextToo: whether the response may also be the text for an unknown path.
    private static func response(
        _ kind: Kind, _ schema: String, orText isTextToo: Bool = false
    ) -> JSONValue {
        var summary = kind.summary
        var content: JSONValue = [
            "application/json": ["schema": ["$ref": "#/components/schemas/\(schema)"]]
        ]
        if isTextToo {
            summary += " As a text: the parameter has a slash or a colon, so this is another path."
            content = content.adding(["text/plain": ["schema": ["type": "string"]]])
        }
        return ["description": .string(summary), "content": content]
    }

    // MARK: bodies

    static func addSchemas(to schemas: inout NamedSchemas) {
        schemas.add(error, as: "gatewayError")
        schemas.add(streamError, as: "gatewayStreamError")
        schemas.add(evidence, as: "gatewayEvidence")
        schemas.add(root, as: "gatewayRoot")
    }

    private static let code: JSONValue = [
        "type": "integer", "minimum": 1, "maximum": 16, "description": "The code of gRPC.",
    ]

    private static let error: JSONValue = [
        "type": "object",
        "properties": [
            "error": ["type": "string", "description": "The same as `message`."],
            "code": code,
            "message": ["type": "string"],
            "details": [
                "type": "array", "minItems": 1,
                "items": ["$ref": "#/components/schemas/gatewayEvidence"],
            ],
        ],
        "required": ["error", "code", "message"],
    ]

    private static let streamError: JSONValue = [
        "type": "object",
        "properties": [
            "error": [
                "type": "object",
                "properties": [
                    "grpc_code": code,
                    "http_code": ["type": "integer", "minimum": 400, "maximum": 599],
                    "message": ["type": "string"],
                    "http_status": [
                        "type": "string", "description": "The words of the HTTP status.",
                    ],
                ],
                "required": ["grpc_code", "http_code", "message", "http_status"],
            ]
        ],
        "required": ["error"],
    ]

    private static let digest: JSONValue = ["type": "string", "pattern": "^[0-9a-f]{64}$"]

    private static let evidence: JSONValue = [
        "type": "object",
        "properties": [
            "check": ["type": "string", "description": "The check that failed."],
            "message": ["type": "string"],
            "index": OpenAPISchemas.number,
            "trusted": ["$ref": "#/components/schemas/gatewayRoot"],
            "claimed": ["$ref": "#/components/schemas/gatewayRoot"],
            "path": ["type": "array", "minItems": 1, "items": digest],
            "file": [
                "type": "string",
                "description":
                    "On the machine of the gateway: a file with all that immudb answered to the request.",
            ],
        ],
        "required": ["check", "message"],
        "description": "Why an answer is not believed. Digests are hexadecimal.",
    ]

    private static let root: JSONValue = [
        "type": "object", "properties": ["size": OpenAPISchemas.number, "root": digest],
        "description": "A tree: how many entries it has, and its root.",
    ]
}
