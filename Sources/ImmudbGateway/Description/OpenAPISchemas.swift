/// The schemas of OpenAPI 3.1, for requests or for answers.
///
/// The two differ. A 64-bit number is read as a number or as a string, and the standard handlers write it as a
/// string; a zero or empty field may be present in a request, and is left out of a standard answer.
struct OpenAPISchemas: SchemaDialect {
    enum Role {
        case request, answer
    }

    let role: Role

    var place: String { "#/components/schemas/" }

    private static let namesOfAnswers = Set(
        Routes.all.flatMap { names(in: .message($0.answer.schema)) })

    /// A message that is both read and written has two schemas.
    func name(of message: SchemaDescription) -> String {
        let isShared = role == .request && Self.namesOfAnswers.contains(message.name)
        return isShared ? message.name + "Input" : message.name
    }

    func shows(_ field: SchemaDescription.Field) -> Bool { true }

    func isRequired(_ field: SchemaDescription.Field) -> Bool {
        field.isRequired || isNeverEmpty(field)
    }

    /// Whether immudb refuses a request in which the field is empty.
    private func isNeverEmpty(_ field: SchemaDescription.Field) -> Bool {
        role == .request && ["KVs", "key", "reference", "set"].contains(field.name)
    }

    func schema(of field: SchemaDescription.Field) -> JSONValue {
        let plain = schema(of: field.type)
        guard isNeverEmpty(field) else { return plain }
        if case .list = field.type { return plain.adding(["minItems": 1]) }
        return plain.adding(["minLength": 4])
    }

    func summary(of field: SchemaDescription.Field) -> String { field.summary }

    func summary(of message: SchemaDescription) -> String {
        guard role == .answer, !message.fields.isEmpty,
            !message.fields.contains(where: \.isRequired)
        else { return "" }
        return "A field that is zero, false or empty is left out."
    }

    func schema(of type: FieldType) -> JSONValue {
        switch type {
        case .bytes: bytes
        case .double:
            [
                "type": ["number", "string"], "format": "double",
                "pattern": #"^(-?Infinity|[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)$"#,
            ]
        case .bool: ["type": "boolean"]
        case .string: ["type": "string"]
        case .uint64(asString: false): Self.number
        case .uint64(asString: true): text
        case .uint32:
            ["type": "integer", "format": "uint32", "minimum": 0, "maximum": 4_294_967_295]
        case .message(let message): reference(message)
        case .list(let element): list(of: element)
        case .nullable(let value): ["anyOf": [schema(of: value), ["type": "null"]]]
        }
    }

    static let number: JSONValue = [
        "type": "integer", "format": "uint64", "minimum": 0, "maximum": .number(.max),
    ]

    /// A 64-bit number as a string.
    private var text: JSONValue {
        switch role {
        case .request:
            [
                "type": ["integer", "string"], "format": "uint64", "minimum": 0,
                "maximum": .number(.max), "pattern": "^[0-9]{1,20}$",
            ]
        case .answer: ["type": "string", "format": "uint64", "pattern": "^[1-9][0-9]{0,19}$"]
        }
    }

    private var bytes: JSONValue {
        let plain: JSONValue = [
            "type": "string", "contentEncoding": "base64",
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        ]
        return role == .request ? plain : plain.adding(["minLength": 4])
    }

    private func list(of element: FieldType) -> JSONValue {
        let plain: JSONValue = ["type": "array", "items": schema(of: element)]
        return role == .request ? plain : plain.adding(["minItems": 1])
    }

    /// Returns the schema of a value in a path.
    static func parameter(_ type: FieldType) -> JSONValue {
        guard case .bytes = type else { return number }
        return [
            "type": "string", "contentEncoding": "base64url", "minLength": 4,
            "pattern": "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$",
        ]
    }

    private static func names(in type: FieldType) -> [String] {
        switch type {
        case .message(let message): [message.name] + message.fields.flatMap { names(in: $0.type) }
        case .list(let element): names(in: element)
        case .nullable(let value): names(in: value)
        case .bytes, .double, .bool, .string, .uint64, .uint32: []
        }
    }
}
