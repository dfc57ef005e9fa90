import ClientKit
import ImmudbClient
import Terminal

extension GivenName {
    /// The name in quotes for a message, shortened if it is long.
    var quoted: String {
        let text = String(decoding: TerminalText.escaped(bytes), as: UTF8.self)
        return text.count <= 200 ? "'\(text)'" : "'\(text.prefix(200))…'"
    }
}

extension Failure.Hint {
    /// Explains a server's refusal.
    ///
    /// - Parameter names: the names in the command's arguments.
    /// - Returns: nil if they do not explain the error.
    init?(for error: ClientError, about names: [GivenName]) {
        switch error.status {
        case .notFound:
            guard let name = names.first(where: { $0.role == .existingKey }) else { return nil }
            self.init("there is no key \(name.quoted)", key: name.bytes)
        case .invalidArgument, .resourceExhausted:
            guard let fault = names.lazy.compactMap(\.fault).first else { return nil }
            self.init(fault)
        default:
            return nil
        }
    }
}
