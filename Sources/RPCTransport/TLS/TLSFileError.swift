/// A TLS file that cannot be used: its path, its role, and the reason.
public struct TLSFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The purpose of a file.
    public enum Role: String, Sendable {
        case certificate = "certificate"
        case key = "private key"
        case authorities = "certificate authorities"
    }

    public let role: Role
    public let path: String
    public let reason: String

    init(_ role: Role, _ path: String, _ reason: String) {
        self.role = role
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(role.rawValue) file \(path): \(reason)" }
}
