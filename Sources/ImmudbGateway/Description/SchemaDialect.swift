import HTTPTypes
import ImmudbProtocol

/// The rules by which a document writes the schemas of messages.
protocol SchemaDialect {
    /// The location of the document's schemas, such as `#/components/schemas/`.
    var place: String { get }

    func name(of message: SchemaDescription) -> String
    func schema(of type: FieldType) -> JSONValue
    func schema(of field: SchemaDescription.Field) -> JSONValue
    /// Returns whether the document shows a field.
    func shows(_ field: SchemaDescription.Field) -> Bool
    func isRequired(_ field: SchemaDescription.Field) -> Bool
    /// Returns the description of a field.
    func summary(of field: SchemaDescription.Field) -> String
    /// Returns the description of a message.
    func summary(of message: SchemaDescription) -> String
}

extension SchemaDialect {
    func schema(of field: SchemaDescription.Field) -> JSONValue { schema(of: field.type) }
    func isRequired(_ field: SchemaDescription.Field) -> Bool { field.isRequired }

    func reference(_ message: SchemaDescription) -> JSONValue {
        ["$ref": .string(place + name(of: message))]
    }

    /// Returns the schema of a message, with references to the messages in it.
    func schema(of message: SchemaDescription) -> JSONValue {
        let fields = message.fields.filter(shows)
        var json: JSONValue = ["type": "object"]
        if !fields.isEmpty {
            let properties = fields.map { field in
                JSONValue.Field(
                    name: field.name, value: schema(of: field).described(summary(of: field)))
            }
            json = json.adding(["properties": .object(properties)])
        }
        let required = fields.filter(isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { json = json.adding(["required": .array(required)]) }
        return json.described(summary(of: message))
    }
}

/// The schemas that a document names, each once.
struct NamedSchemas {
    private var schemas: [String: JSONValue] = [:]

    /// Adds the schema of a message, and those of the messages in it.
    mutating func add(_ message: SchemaDescription, in dialect: some SchemaDialect) {
        guard add(dialect.schema(of: message), as: dialect.name(of: message)) else { return }
        for field in message.fields where dialect.shows(field) {
            if let inner = field.type.message { add(inner, in: dialect) }
        }
    }

    /// Adds a schema; returns false if there is one with this name.
    @discardableResult
    mutating func add(_ schema: JSONValue, as name: String) -> Bool {
        guard let old = schemas[name] else {
            schemas[name] = schema
            return true
        }
        precondition(old == schema, "two schemas are called \(name)")
        return false
    }

    /// The schemas, ordered by name.
    var json: JSONValue {
        .object(
            schemas.sorted { $0.key < $1.key }.map {
                JSONValue.Field(name: $0.key, value: $0.value)
            }
        )
    }
}

extension FieldType {
    /// The message type of the field, or of its elements.
    fileprivate var message: SchemaDescription? {
        switch self {
        case .message(let schema): schema
        case .list(let element): element.message
        case .nullable(let type): type.message
        case .bytes, .double, .bool, .string, .uint64, .uint32: nil
        }
    }
}

extension Route {
    /// The name of the operation in every document, which is that of the remote procedure.
    var operationID: String { procedure.name }

    /// Whether immudb requires a token if it has users.
    var needsToken: Bool {
        switch procedure.permission {
        case .login, .open: false
        case .data, .administration: true
        }
    }

    /// Returns the paths of a document, in the order of the route table, each with its operations.
    static func paths(_ operation: (Route) -> JSONValue) -> JSONValue {
        var templates: [String] = []
        var operations: [String: [JSONValue.Field]] = [:]
        for route in Routes.all {
            if operations[route.template] == nil { templates.append(route.template) }
            operations[route.template, default: []].append(
                .init(name: route.method.rawValue.lowercased(), value: operation(route)))
        }
        return .object(
            templates.map { .init(name: $0, value: .object(operations[$0] ?? [])) })
    }
}
