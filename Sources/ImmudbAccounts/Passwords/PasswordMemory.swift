import Crypto
import Synchronization

/// Remembers passwords that this process has hashed: the right one of each user's last login, and
/// wrong ones.
///
/// It keeps authentication codes of the passwords, made with a key that exists only in this
/// process. A user who logs in again needs no hash and does not wait, even during a flood of other
/// logins. A wrong password that is sent again is refused without a hash, too.
final class PasswordMemory: Sendable {
    typealias Proof = HashedAuthenticationCode<SHA256>

    /// The maximum number of wrong passwords, of about 100 bytes each.
    private static let wrongLimit = 4_096

    private struct Wrong {
        var set: Set<[UInt8]> = []
        /// The proofs in a ring, with the oldest one at `next`.
        var order: [[UInt8]] = []
        var next = 0
    }

    private let key = SymmetricKey(size: .bits256)
    private let wrong = Mutex(Wrong())

    /// - Parameter number: the number of the user's credentials, or 0 if the user does not exist.
    func proof(of password: [UInt8], _ name: UserName, _ number: UInt64) -> Proof {
        var code = HMAC<SHA256>(key: key)
        withUnsafeBytes(of: UInt64(name.bytes.count)) { code.update(data: $0) }
        code.update(data: name.bytes)
        withUnsafeBytes(of: number) { code.update(data: $0) }
        code.update(data: password)
        return code.finalize()
    }

    func isWrong(_ proof: Proof) -> Bool {
        let bytes = Array(proof)
        return wrong.withLock { $0.set.contains(bytes) }
    }

    func noteWrong(_ proof: Proof) {
        let bytes = Array(proof)
        wrong.withLock { wrong in
            guard wrong.set.insert(bytes).inserted else { return }
            guard wrong.order.count == Self.wrongLimit else { return wrong.order.append(bytes) }
            wrong.set.remove(wrong.order[wrong.next])
            wrong.order[wrong.next] = bytes
            wrong.next = (wrong.next + 1) % Self.wrongLimit
        }
    }
}
