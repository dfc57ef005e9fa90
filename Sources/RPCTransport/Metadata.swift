/// Headers or trailers of a call: an ordered list of names and values, in which a name may occur more than once.
///
/// Names are lower-case. A name that ends in `-bin` carries bytes (base64 on the wire), any other printable ASCII.
/// Adding a text replaces other characters by `?`, since they would break the connection. Names that HTTP/2 or gRPC
/// reserve (`:path`, `content-type`, `te`, `grpc-status`, ...) and invalid names are left out when the metadata is
/// sent.
public struct Metadata: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    public enum FieldValue: Sendable, Hashable {
        case text(String)
        case binary([UInt8])
    }

    public struct Field: Sendable, Hashable {
        public let name: String
        public let value: FieldValue
    }

    public private(set) var fields: [Field] = []

    public init() {}

    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    public var isEmpty: Bool { fields.isEmpty }

    /// Appends a field. For a `-bin` name the value's UTF-8 bytes are sent.
    public mutating func add(_ name: String, _ value: String) {
        let name = Self.lowercased(name)
        if name.utf8.suffix(4).elementsEqual("-bin".utf8) {
            fields.append(Field(name: name, value: .binary(Array(value.utf8))))
        } else {
            fields.append(Field(name: name, value: .text(Self.printable(value))))
        }
    }

    /// Appends a field of bytes; `-bin` is appended to a name that lacks it.
    public mutating func add(_ name: String, binary value: [UInt8]) {
        let name = name.lowercased()
        fields.append(
            Field(name: name.hasSuffix("-bin") ? name : name + "-bin", value: .binary(value)))
    }

    public mutating func add(contentsOf other: Metadata) {
        fields.append(contentsOf: other.fields)
    }

    /// Returns the first text of that name; nil for a `-bin` name.
    public func first(_ name: String) -> String? { all(name).first }

    /// Returns the texts of that name in the order in which they were sent.
    public func all(_ name: String) -> [String] {
        fields.compactMap { field in
            guard field.name == name, case .text(let text) = field.value else { return nil }
            return text
        }
    }

    /// Returns the first bytes of that `-bin` name.
    public func firstBinary(_ name: String) -> [UInt8]? { allBinary(name).first }

    /// Returns the bytes of that `-bin` name in the order in which they were sent.
    public func allBinary(_ name: String) -> [[UInt8]] {
        fields.compactMap { field in
            guard field.name == name, case .binary(let bytes) = field.value else { return nil }
            return bytes
        }
    }

    private static func lowercased(_ name: String) -> String {
        // Most names are lower-case already, and checking that costs a tenth of converting them.
        let isLowercase = name.utf8.allSatisfy {
            $0 < 0x80 && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
        }
        return isLowercase ? name : name.lowercased()
    }

    private static func printable(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
        return String(
            decoding: text.utf8.map { $0 >= 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}

// MARK: on the wire

extension Metadata {
    /// The memory that a field takes besides its name and value; RFC 9113, section 6.5.2.
    static let fieldByteCount = 32
    /// The same, for callers that limit the size of their headers.
    package static let headerFieldByteCount = fieldByteCount
    /// The size of all fields in a server's limit of header bytes.
    package var headerByteCount: Int { byteCount }
    /// The memory that each value of a `-bin` field takes besides its bytes.
    private static let binaryByteCount = 64

    /// The memory that all fields take.
    var byteCount: Int {
        fields.reduce(0) { sum, field in
            switch field.value {
            case .text(let text):
                sum + field.name.utf8.count + text.utf8.count + Self.fieldByteCount
            case .binary(let bytes):
                sum + field.name.utf8.count + bytes.count + Self.binaryByteCount
            }
        }
    }

    /// Adds a received field, without the spaces around its value. A `-bin` value may hold several values, separated
    /// by commas, each of which takes 64 bytes of `room`; those that are not base64 are left out. Returns false if
    /// there is not enough room for all of them.
    mutating func addReceived(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, room: inout Int
    ) -> Bool {
        let text = String(decoding: name, as: UTF8.self)
        guard text.hasSuffix("-bin") else {
            let trimmed = Self.trimmed(value[...])
            fields.append(
                Field(name: text, value: .text(String(decoding: trimmed, as: UTF8.self))))
            return true
        }
        var rest = value[...]
        while true {
            room -= Self.binaryByteCount
            guard room >= 0 else { return false }
            let part = rest.prefix { $0 != UInt8(ascii: ",") }
            if let bytes = Base64.decode(Self.trimmed(part)) {
                fields.append(Field(name: text, value: .binary(bytes)))
            }
            guard part.endIndex < rest.endIndex else { return true }
            rest = rest[(part.endIndex + 1)...]
        }
    }

    private static func trimmed(
        _ value: Slice<UnsafeBufferPointer<UInt8>>
    ) -> Slice<UnsafeBufferPointer<UInt8>> {
        func isBlank(_ byte: UInt8?) -> Bool {
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
        }
        var value = value
        while isBlank(value.first) { value.removeFirst() }
        while isBlank(value.last) { value.removeLast() }
        return value
    }

    /// Returns whether an application's field of this name may be sent.
    static func isSendable(_ name: String) -> Bool {
        switch name {
        case "", "content-type", "te", "connection", "transfer-encoding", "keep-alive", "upgrade",
            "proxy-connection", "host",
            // A server ends a call whose length differs.
            "content-length":
            return false
        default: break
        }
        guard !name.utf8.starts(with: "grpc-".utf8) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
