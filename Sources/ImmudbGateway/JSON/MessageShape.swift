import Foundation
import SwiftProtobuf

/// The form of a message in JSON. Request bodies are read by it, and the OpenAPI documents are generated from it.
struct MessageShape<Message: SwiftProtobuf.Message>: Sendable {
    /// The name of its schema in the documents, such as `schemaKeyValue`.
    let name: String
    let fields: [FieldShape<Message>]
    /// A bit for each required field.
    let requiredPlaces: UInt64

    init(_ name: String, _ fields: [FieldShape<Message>]) {
        precondition(fields.count <= UInt64.bitWidth)
        self.name = name
        self.fields = fields
        requiredPlaces = fields.enumerated().reduce(0) { places, field in
            field.element.isRequired ? places | 1 << field.offset : places
        }
    }
}

/// One field of a message.
struct FieldShape<Message: SwiftProtobuf.Message>: Sendable {
    /// Reads the field, which is present and not null, into a message.
    typealias Reader =
        @Sendable (KeyedDecodingContainer<AnyName>, AnyName, inout Message) throws -> Void
    /// Reads the field into a message; returns false if it is not plain.
    typealias PlainReader = @Sendable (inout PlainJSON, inout Message) -> Bool

    /// The name in the .proto file, with which the field is written. It is read under its lowerCamelCase name, too.
    let name: String
    let type: FieldType
    /// Whether a request without it is refused.
    let isRequired: Bool
    let summary: String
    let nameBytes: [UInt8]
    fileprivate let key: AnyName
    /// The lowerCamelCase name, if it differs.
    fileprivate let camelKey: AnyName?
    fileprivate let read: Reader
    /// Reads a plain value; nil if the field's values are never plain.
    let readPlain: PlainReader?

    fileprivate init(
        _ name: String, _ type: FieldType, isRequired: Bool, _ summary: String,
        plain: PlainReader? = nil, _ read: @escaping Reader
    ) {
        self.name = name
        nameBytes = Array(name.utf8)
        key = AnyName(name)
        let camel = lowerCamelCase(name)
        camelKey = camel == name ? nil : AnyName(camel)
        self.type = type
        self.isRequired = isRequired
        self.summary = summary
        readPlain = plain
        self.read = read
    }
}

/// The type of a field in the documents.
indirect enum FieldType: Sendable {
    case bytes, double, bool, string
    /// A 64-bit whole number, written as a string by the standard handlers and as a number by the gateway's own.
    case uint64(asString: Bool)
    case uint32
    case message(SchemaDescription)
    case list(FieldType)
    case nullable(FieldType)
}

/// The description of a message in the documents.
struct SchemaDescription: Sendable {
    struct Field: Sendable {
        let name: String
        let type: FieldType
        let isRequired: Bool
        let summary: String
    }

    let name: String
    let fields: [Field]
}

extension MessageShape {
    var schema: SchemaDescription {
        SchemaDescription(
            name: name,
            fields: fields.map {
                .init(
                    name: $0.name, type: $0.type, isRequired: $0.isRequired, summary: $0.summary)
            })
    }
}

extension FieldShape {
    static func bytes(
        _ name: String, _ path: any WritableKeyPath<Message, Data> & Sendable,
        _ summary: String = ""
    ) -> Self {
        FieldShape(
            name, .bytes, isRequired: false, summary,
            plain: { json, message in
                guard let bytes = json.base64() else { return false }
                message[keyPath: path] = bytes
                return true
            }
        ) { container, key, message in
            let text = try container.decode(String.self, forKey: key)
            guard let bytes = Data(base64Encoded: text) else {
                throw JSONFault(container.codingPath + [key], "not standard base64 with padding")
            }
            message[keyPath: path] = bytes
        }
    }

    static func bool(
        _ name: String, _ path: any WritableKeyPath<Message, Bool> & Sendable,
        _ summary: String = ""
    ) -> Self {
        FieldShape(name, .bool, isRequired: false, summary) { container, key, message in
            message[keyPath: path] = try container.decode(Bool.self, forKey: key)
        }
    }

    /// A field with a whole number, or a string that contains one.
    static func uint64(
        _ name: String, _ path: any WritableKeyPath<Message, UInt64> & Sendable,
        _ summary: String = ""
    ) -> Self {
        FieldShape(
            name, .uint64(asString: true), isRequired: false, summary,
            plain: { json, message in
                guard let number = json.number() else { return false }
                message[keyPath: path] = number
                return true
            }
        ) { container, key, message in
            if let number = try? container.decode(UInt64.self, forKey: key) {
                message[keyPath: path] = number
            } else if let text = try? container.decode(String.self, forKey: key),
                let number = UInt64(text), text.first != "+"
            {
                message[keyPath: path] = number
            } else {
                throw JSONFault(
                    container.codingPath + [key],
                    "not a whole number from 0 to \(UInt64.max), or a string with one")
            }
        }
    }

    /// A field with a number, or a string that contains one.
    static func double(
        _ name: String, _ path: any WritableKeyPath<Message, Double> & Sendable,
        _ summary: String = ""
    ) -> Self {
        FieldShape(name, .double, isRequired: false, summary) { container, key, message in
            if let number = try? container.decode(Double.self, forKey: key) {
                message[keyPath: path] = number
            } else if let text = try? container.decode(String.self, forKey: key),
                let number = protobufDouble(text)
            {
                message[keyPath: path] = number
            } else {
                throw JSONFault(
                    container.codingPath + [key], "not a number that 64 bits can hold")
            }
        }
    }

    /// A field with another message.
    static func message<Inner>(
        _ name: String, _ path: any WritableKeyPath<Message, Inner> & Sendable,
        _ shape: MessageShape<Inner>, required: Bool = false, _ summary: String = ""
    ) -> Self {
        FieldShape(
            name, .message(shape.schema), isRequired: required, summary,
            plain: { json, message in
                guard let inner = json.message(shape) else { return false }
                message[keyPath: path] = inner
                return true
            }
        ) { container, key, message in
            message[keyPath: path] = try container.decode(
                Shaped<Inner>.self, forKey: key, configuration: shape
            ).message
        }
    }

    static func list<Inner>(
        _ name: String, _ path: any WritableKeyPath<Message, [Inner]> & Sendable,
        _ shape: MessageShape<Inner>, required: Bool = false, _ summary: String = ""
    ) -> Self {
        FieldShape(
            name, .list(.message(shape.schema)), isRequired: required, summary,
            plain: { json, message in
                guard let list = json.list(of: shape) else { return false }
                message[keyPath: path] = list
                return true
            }
        ) { container, key, message in
            var list = try container.nestedUnkeyedContainer(forKey: key)
            var inner: [Inner] = []
            while !list.isAtEnd {
                let position = AnyName(list.currentIndex)
                guard try !list.decodeNil() else {
                    throw JSONFault(list.codingPath + [position], "null")
                }
                inner.append(try list.decode(Shaped<Inner>.self, configuration: shape).message)
            }
            message[keyPath: path] = inner
        }
    }
}

/// Parses a number in quotes, including those of protobuf's JSON that JSON cannot represent.
private func protobufDouble(_ text: String) -> Double? {
    switch text {
    case "NaN": return .nan
    case "Infinity": return .infinity
    case "-Infinity": return -.infinity
    default:
        // `Double` also accepts hexadecimal numbers and some names.
        guard text.utf8.count <= 400, text.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }),
            let number = Double(text), number.isFinite
        else { return nil }
        return number
    }
}

/// A message that is read by its shape.
struct Shaped<Message: SwiftProtobuf.Message>: DecodableWithConfiguration {
    let message: Message

    init(from decoder: any Swift.Decoder, configuration shape: MessageShape<Message>) throws {
        let container = try decoder.container(keyedBy: AnyName.self)
        var message = Message()
        for field in shape.fields {
            let key =
                if let camel = field.camelKey, !container.contains(field.key) { camel } else {
                    field.key
                }
            if container.contains(key), try !container.decodeNil(forKey: key) {
                try field.read(container, key, &message)
            } else if field.isRequired {
                throw JSONFault(container.codingPath + [field.key], "missing")
            }
        }
        self.message = message
    }
}

/// The name of any field, or the position of an element in a list.
struct AnyName: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) {
        stringValue = name
        intValue = nil
    }

    init(_ position: Int) {
        stringValue = String(position)
        intValue = position
    }

    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(intValue) }
}

/// Returns protobuf's JSON name of a field: each underscore is dropped, and the letter after it is capitalized.
func lowerCamelCase(_ name: String) -> String {
    guard name.contains("_") else { return name }
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    return String(parts[0])
        + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
}
