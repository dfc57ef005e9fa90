import Synchronization

/// Tokens whose signatures were verified, by their bytes.
///
/// Only such tokens come in, so what strangers send takes no room. A token that is found is as good as when
/// it was verified, but for what changes: the time, and its user.
final class VerifiedTokens: Sendable {
    struct Token: Sendable {
        let account: Account
        let caller: Caller
        let expiry: Int64
        let credentials: UInt64

        func isGood(at now: Int64) -> Bool { now < expiry && account.isCurrent(credentials) }
    }

    /// Compares by bytes; a `String` would by characters, of which some have several encodings.
    private struct Key: Hashable, Sendable {
        let text: String

        /// By the end: the footer, and before it so much of the signature that no two tokens share it.
        func hash(into hasher: inout Hasher) {
            let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
                hasher.combine(
                    bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0).suffix(48)))
            }
            if isDone == nil { for byte in text.utf8.suffix(48) { hasher.combine(byte) } }
        }

        static func == (left: Key, right: Key) -> Bool {
            // Strings of headers are in one piece, and compared faster so.
            let isEqual = left.text.utf8.withContiguousStorageIfAvailable { left in
                right.text.utf8.withContiguousStorageIfAvailable { right in
                    left.elementsEqual(right)
                }
            }
            return isEqual.flatMap { $0 } ?? left.text.utf8.elementsEqual(right.text.utf8)
        }
    }

    /// Threads that look up different tokens seldom wait for each other.
    private static let partCount = 16
    /// Of one part: 4,096 tokens of about half a KiB together. A token that finds no room is verified
    /// again each time another has taken its place.
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

    /// Of all parts.
    var count: Int { parts.reduce(0) { sum, part in sum + part.tokens.withLock { $0.count } } }

    private func part(of key: Key) -> Part { parts[key.hashValue & (Self.partCount - 1)] }
}
