import ImmudbClient
import Terminal

extension GivenName {
    /// In a message, shortened if it is long.
    var quoted: String {
        let text = String(decoding: TerminalText.escaped(bytes), as: UTF8.self)
        return text.count <= 200 ? "'\(text)'" : "'\(text.prefix(200))…'"
    }
}

/// What a server's refusal was about, in a line below its words, which name nothing.
struct Hint: Equatable {
    let text: String
    /// The key that was not found.
    var key: [UInt8]?

    /// - Parameter names: those in the command's words.
    /// - Returns: nil if they do not explain the error.
    init?(for error: ClientError, about names: [GivenName]) {
        switch error.status {
        case .notFound:
            guard let name = names.first(where: { $0.role == .existingKey }) else { return nil }
            text = "there is no key \(name.quoted)"
            key = name.bytes
        case .invalidArgument, .resourceExhausted:
            guard let fault = names.lazy.compactMap(\.fault).first else { return nil }
            text = fault
        default:
            return nil
        }
    }
}

/// A call that failed, and what it was about.
struct HintedError: Error {
    let cause: ClientError
    let hint: Hint
}
