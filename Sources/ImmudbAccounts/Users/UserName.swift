/// The name of a user: text that is a key of the system's database and the subject of a token.
public struct UserName: Hashable, Sendable, CustomStringConvertible {
    /// The only administrator; all other users only use the data.
    public static let administrator = UserName(bytes: Array("immu".utf8))
    /// The longest name whose token fits into a header. The token has the name escaped and encoded
    /// twice.
    public static let byteLimit = 256

    /// The reason why bytes are not a name.
    public enum Fault: Error, Hashable, Sendable {
        /// The name is empty or begins with a zero byte, which keys must not.
        case invalidKey
        case tooLong(byteCount: Int)
        case notText
    }

    public let bytes: [UInt8]

    private init(bytes: [UInt8]) { self.bytes = bytes }

    public init(_ bytes: some Collection<UInt8>) throws(Fault) {
        guard let first = bytes.first, first != 0 else { throw .invalidKey }
        guard bytes.count <= Self.byteLimit else { throw .tooLong(byteCount: bytes.count) }
        let bytes = Array(bytes)
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notText }
        self.bytes = bytes
    }

    public init(_ text: String) throws(Fault) { try self.init(Array(text.utf8)) }

    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
