/// Limits the elements in all lists of a message, counted in its bytes before it is decoded.
///
/// Two bytes on the wire can be an element of a hundred bytes in memory. Counting takes one pass
/// and no memory.
public struct ElementLimit: Sendable {
    /// A field whose elements are counted.
    public indirect enum Field: Sendable {
        /// A repeated field of bytes or messages.
        case list(UInt64)
        /// A message with lists. The elements of all its occurrences count, since decoding merges
        /// them.
        case message(UInt64, [Field])

        fileprivate var number: UInt64 {
            switch self {
            case .list(let number), .message(let number, _): number
            }
        }
    }

    /// A message has more elements than the limit.
    public struct Excess: Error, Hashable, Sendable, CustomStringConvertible {
        public let limit: Int

        public var description: String { "its lists have more than \(limit) elements" }
    }

    private let limit: Int
    private let fields: [Field]

    public init(_ limit: Int, _ fields: [Field]) {
        self.limit = limit
        self.fields = fields
    }

    /// - Parameter bytes: the encoded message. Counting ends where they are malformed, as decoding
    ///   does.
    public func check(_ bytes: UnsafeRawBufferPointer) throws(Excess) {
        var room = limit
        try count(fields, bytes, &room)
    }

    private func count(
        _ fields: [Field], _ bytes: UnsafeRawBufferPointer, _ room: inout Int
    ) throws(Excess) {
        var reader = WireReader(bytes)
        while let field = reader.next() {
            guard field.type == .lengthDelimited,
                let position = fields.firstIndex(where: { $0.number == field.number })
            else { continue }
            switch fields[position] {
            case .list:
                room -= 1
                guard room >= 0 else { throw Excess(limit: limit) }
            case .message(_, let inner):
                try count(inner, field.content, &room)
            }
        }
    }
}
