import NIOCore

/// JSON whose objects keep the order of their fields.
enum JSONValue: Equatable, Sendable {
    struct Field: Equatable, Sendable {
        let name: String
        let value: JSONValue
    }

    case string(String)
    case number(UInt64)
    case bool(Bool)
    case array([JSONValue])
    case object([Field])

    /// Returns the object with further fields after its own.
    func adding(_ more: JSONValue) -> JSONValue {
        guard case .object(let fields) = self, case .object(let others) = more else {
            preconditionFailure("only objects have fields")
        }
        return .object(fields + others)
    }

    /// Returns the object with a description after its fields, unless the text is empty.
    func described(_ text: String) -> JSONValue {
        text.isEmpty ? self : adding(["description": .string(text)])
    }

    /// The value as one compact line.
    var text: String {
        var text = JSONText()
        text.append(self)
        return String(buffer: text.buffer)
    }
}

extension JSONText {
    fileprivate mutating func append(_ value: JSONValue) {
        switch value {
        case .string(let string): self.value(string)
        case .number(let number): self.value(number)
        case .bool(let bool): raw(bool ? "true" : "false")
        case .array(let elements):
            array { text in for element in elements { text.append(element) } }
        case .object(let fields):
            object { text in
                for field in fields {
                    text.name(field.name)
                    text.append(field.value)
                }
            }
        }
    }
}

extension JSONValue: ExpressibleByStringInterpolation {
    init(stringLiteral value: String) { self = .string(value) }
}

extension JSONValue: ExpressibleByIntegerLiteral {
    init(integerLiteral value: UInt64) { self = .number(value) }
}

extension JSONValue: ExpressibleByBooleanLiteral {
    init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONValue: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Field(name: $0, value: $1) })
    }
}
