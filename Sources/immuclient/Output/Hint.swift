import ImmudbClient
import Terminal

/// A name in a command's words which the server may refuse, or not find.
struct GivenName: Equatable {
    enum Role {
        /// A key that has to be there.
        case existingKey
        case newKey, newReference, set, prefix
    }

    let role: Role
    let bytes: [UInt8]

    init(_ role: Role, _ bytes: [UInt8]) {
        self.role = role
        self.bytes = bytes
    }

    /// In a message, shortened if it is long.
    var quoted: String {
        let text = String(decoding: TerminalText.escaped(bytes), as: UTF8.self)
        return text.count <= 200 ? "'\(text)'" : "'\(text.prefix(200))…'"
    }

    /// As a message calls it.
    private var noun: String {
        switch role {
        case .existingKey, .newKey: "key"
        case .newReference: "name of the reference"
        case .set: "name of the set"
        case .prefix: "prefix"
        }
    }

    /// Why servers refuse it; nil if it breaks no rule.
    fileprivate var fault: String? {
        let reserved = "!badger!"
        guard let first = bytes.first else {
            return "the \(noun) is empty: give at least one byte"
        }
        if first == 0 { return "the \(noun) begins with a zero byte, as no key may" }
        switch role {
        case .existingKey, .prefix: return nil
        case .newKey, .newReference, .set: break
        }
        if bytes.starts(with: reserved.utf8) {
            return "the \(noun) begins with \(reserved), which is reserved"
        }
        let limit = 65_000
        return bytes.count > limit
            ? "the \(noun) has \(bytes.count) bytes: give \(limit) at most" : nil
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
