import Synchronization

/// The tokens whose signatures were verified, by their bytes.
///
/// Only verified tokens are added, so attackers cannot fill it. A found token is still valid,
/// except for its expiry and its user, which the caller checks.
final class VerifiedTokens: Sendable {
    struct Token: Sendable {
        let account: Account
        let caller: Caller
        let expiry: Int64
        let credentials: UInt64

        func isGood(at now: Int64) -> Bool { now < expiry && account.isCurrent(credentials) }
    }

    /// Compares tokens by bytes. A `String` compares characters, some of which have several
    /// encodings.
    private struct Key: Hashable, Sendable {
        let text: String

        /// Hashes the end: the footer, and enough of the signature before it to tell tokens apart.
        func hash(into hasher: inout Hasher) {
            let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
                hasher.combine(
                    bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0).suffix(48)))
            }
            if isDone == nil { for byte in text.utf8.suffix(48) { hasher.combine(byte) } }
        }

        static func == (left: Key, right: Key) -> Bool {
            // The strings of headers are contiguous, so this comparison is faster.
            let isEqual = left.text.utf8.withContiguousStorageIfAvailable { left in
                right.text.utf8.withContiguousStorageIfAvailable { right in
                    left.elementsEqual(right)
                }
            }
            return isEqual.flatMap { $0 } ?? left.text.utf8.elementsEqual(right.text.utf8)
        }
    }

    /// The number of parts. With several, threads that look up different tokens rarely wait for
    /// each other.
    private static let partCount = 16
    /// The maximum number of tokens of a part; 4,096 in all, of about half a KiB. A token that was
    /// replaced by another one is verified again.
    private static let partCapacity = 256

    private final class Part: Sendable {
        let tokens = Mutex<[Key: Token]>([:])
    }

    private let parts = (0..<partCount).map { _ in Part() }

    subscript(text: String) -> Token? {
        let key = Key(text: text)
        return part(of: key).tokens.withLock { $0[key] }
    }

    func insert(_ text: String, _ token: Token, now: Int64) {
        let key = Key(text: text)
        part(of: key).tokens.withLock { tokens in
            if tokens.count >= Self.partCapacity {
                tokens = tokens.filter { $0.value.isGood(at: now) }
            }
            if tokens.count >= Self.partCapacity, let other = tokens.keys.first {
                tokens[other] = nil
            }
            tokens[key] = token
        }
    }

    /// The number of tokens in all parts.
    var count: Int { parts.reduce(0) { sum, part in sum + part.tokens.withLock { $0.count } } }

    private func part(of key: Key) -> Part { parts[key.hashValue & (Self.partCount - 1)] }
}
