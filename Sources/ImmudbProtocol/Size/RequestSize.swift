/// The memory that a request takes once it is decoded, computed from its bytes in one pass.
///
/// Two bytes on the wire can be an element of a hundred bytes in memory. So elements are counted
/// before they are decoded. So are useless fields: those that the message does not have, and
/// repetitions of those that it has once.
public struct RequestSize: Sendable {
    /// The reason why a request must not be decoded.
    public enum Excess: Error, Hashable, Sendable {
        /// The request has more elements than the limit.
        case elements
        /// The request has too many useless fields, or too large ones.
        case uselessFields
    }

    /// The most bytes that the message takes while and after it is decoded, without the bytes of
    /// the request itself.
    public private(set) var byteCount = rootByteCount
    /// The number of elements in all repeated fields.
    public private(set) var elementCount = 0

    private var uselessByteCount = 0
    private let elementLimit: Int

    /// The size of the message and its decoder.
    private static let rootByteCount = 512
    /// The most bytes that are kept inline. Longer ones take an object and memory of their own: 96
    /// and 16 bytes, plus the allocator's overhead for both.
    private static let inlineDataByteCount = 14
    private static let dataByteCount = 144
    /// While an array grows, its old buffer and one of twice the size exist.
    private static let arrayFactor = 3
    /// Unknown fields are gathered in a buffer that grows by up to its size, and then copied.
    private static let unknownFactor = 4
    /// The most bytes of useless fields; each counts with its bytes and 16 more. A client of a
    /// later release may send some with each element.
    private static let uselessByteLimit = 64 << 10
    private static let uselessByteLimitPerElement = 256

    /// - Parameters:
    ///   - bytes: the encoded request. The pass ends where they are malformed, as decoding does.
    ///   - elementLimit: the most elements of repeated fields.
    public init(
        of request: (some MeasuredRequest).Type, _ bytes: UnsafeRawBufferPointer,
        elementLimit: Int = 0
    ) throws(Excess) {
        self.elementLimit = elementLimit
        try add(request, bytes)
    }

    /// Adds the fields of a message. Recurses as deep as the definition nests messages, whatever
    /// the bytes are.
    private mutating func add(
        _ message: any MeasuredRequest.Type, _ bytes: UnsafeRawBufferPointer
    ) throws(Excess) {
        var reader = WireReader(bytes)
        var seen: UInt64 = 0
        while let field = reader.next() {
            switch message.content(ofField: field.number) {
            case .elements(let element) where field.type == .lengthDelimited:
                elementCount += 1
                guard elementCount <= elementLimit else { throw .elements }
                byteCount += Self.arrayFactor * element.inlineByteCount
                try add(element, field.content)
                continue
            case .number(let type) where field.type == type:
                break
            case .bytes where field.type == .lengthDelimited:
                if field.content.count > Self.inlineDataByteCount {
                    byteCount += field.content.count + Self.dataByteCount
                }
            case .message(let inner) where field.type == .lengthDelimited:
                try add(inner, field.content)
            default:
                byteCount += Self.unknownFactor * field.byteCount + 2 * Self.dataByteCount
                try addUseless(field.byteCount)
                continue
            }
            let mark: UInt64 = 1 << field.number
            if seen & mark != 0 { try addUseless(field.byteCount) }
            seen |= mark
        }
    }

    private mutating func addUseless(_ count: Int) throws(Excess) {
        uselessByteCount += count + 16
        let limit = Self.uselessByteLimit + Self.uselessByteLimitPerElement * elementCount
        guard uselessByteCount <= limit else { throw .uselessFields }
    }
}
