import ImmudbProtocol

/// The schemas of Swagger 2.0.
struct SwaggerSchemas: SchemaDialect {
    let subject: SwaggerDocument.Subject

    private static let rootIndex = "rootIndex"

    var place: String { "#/definitions/" }

    func name(of message: SchemaDescription) -> String { message.name }

    func summary(of field: SchemaDescription.Field) -> String {
        field.name == Self.rootIndex
            ? "the last index of the tree that the caller trusts" : field.summary
    }

    func summary(of message: SchemaDescription) -> String { "" }

    /// Returns false for the root index in the gateway's document, since the gateway does not use
    /// it.
    func shows(_ field: SchemaDescription.Field) -> Bool {
        subject == .immudb || field.name != Self.rootIndex
    }

    /// Wraps a reference that has a summary in a schema: Swagger 2.0 ignores everything beside a
    /// reference.
    func schema(of field: SchemaDescription.Field) -> JSONValue {
        guard case .message(let message) = field.type, !summary(of: field).isEmpty else {
            return schema(of: field.type)
        }
        return ["allOf": [reference(message)]]
    }

    func schema(of type: FieldType) -> JSONValue {
        switch type {
        case .bytes: ["type": "string", "format": "byte"]
        case .double: ["type": "number", "format": "double"]
        case .bool: ["type": "boolean"]
        case .string: ["type": "string"]
        case .uint64(asString: true): ["type": "string", "format": "uint64"]
        case .uint64(asString: false): ["type": "integer", "format": "uint64"]
        case .uint32: ["type": "integer", "format": "int64"]
        case .message(let message): reference(message)
        case .list(let element): ["type": "array", "items": schema(of: element)]
        case .nullable(let value): schema(of: value).adding(["x-nullable": true])
        }
    }
}

extension Route {
    /// The answer of immudb to the remote procedure, before the gateway processes it.
    var answerOfImmudb: SchemaDescription {
        switch procedure.path {
        case ImmuService.set: AnswerSchemas.index
        case ImmuService.history: AnswerSchemas.items
        case ImmuService.safeSet, ImmuService.safeReference, ImmuService.safeZAdd:
            AnswerSchemas.proof
        case ImmuService.safeGet: AnswerSchemas.safeItem
        default: answer.schema
        }
    }
}

extension Route {
    /// The summary of immudb's own behaviour, without the gateway's additions.
    var summaryOfImmudb: String {
        switch procedure.path {
        case ImmuService.set: "Sets a key to a value."
        case ImmuService.safeSet:
            "Sets a key to a value, and answers with the proof that it is stored."
        case ImmuService.safeReference:
            "Gives a key a second name, and answers with the proof that it is stored."
        case ImmuService.safeZAdd:
            "Adds a key to a sorted set, and answers with the proof that it is stored."
        case ImmuService.safeGet:
            "The newest entry of a key, with the proof that it is in the ledger."
        default: summary
        }
    }
}

extension AnswerSchemas {
    fileprivate static let proof = SchemaDescription(
        name: "schemaProof",
        fields: [
            field("leaf", .bytes), field("index", .uint64(asString: true)), field("root", .bytes),
            field("at", .uint64(asString: true)), field("inclusionPath", .list(.bytes)),
            field("consistencyPath", .list(.bytes)),
        ])

    fileprivate static let safeItem = SchemaDescription(
        name: "schemaSafeItem",
        fields: [field("item", .message(item)), field("proof", .message(proof))])

    private static func field(_ name: String, _ type: FieldType) -> Field {
        Field(name: name, type: type, isRequired: false, summary: "")
    }
}
