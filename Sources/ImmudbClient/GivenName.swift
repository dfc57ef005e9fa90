import ImmudbModel

/// A name in a call or a command that the server may refuse, or not find, with a message that does not name it.
package struct GivenName: Equatable, Sendable {
    package enum Role: Sendable {
        /// A key that must exist.
        case existingKey
        case newKey, newReference, set, prefix
    }

    package let role: Role
    package let bytes: [UInt8]

    package init(_ role: Role, _ bytes: [UInt8]) {
        self.role = role
        self.bytes = bytes
    }

    /// The word for it in a message.
    private var noun: String {
        switch role {
        case .existingKey, .newKey: "key"
        case .newReference: "name of the reference"
        case .set: "name of the set"
        case .prefix: "prefix"
        }
    }

    /// The reason why servers refuse it; nil if it breaks no rule.
    package var fault: String? {
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

extension ClientError {
    /// Returns the error with a hint, if one of the names in the call explains it.
    func about(_ names: [GivenName]) -> ClientError {
        var error = self
        switch status {
        case .notFound:
            error.hint = names.first { $0.role == .existingKey }
                .map { "there is no key \(Entry.shown($0.bytes))" }
        case .invalidArgument, .resourceExhausted:
            error.hint = names.lazy.compactMap(\.fault).first
        default: break
        }
        return error
    }
}
