/// The identity that a server claims: the text of its `immudb-uuid` header. Trusted roots are stored by it.
///
/// It names the server but does not authenticate it: a server that lies about it is treated as a new one, at first
/// contact. Therefore first contact is explicit (`FirstContact`).
public struct ServerIdentity: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// - Parameter text: 1 to 64 ASCII letters, digits, hyphens or underscores, since it becomes
    ///   part of a file's name.
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default:
                false
            }
        }
        guard isAllowed, (1...64).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    public var description: String { text }
}
