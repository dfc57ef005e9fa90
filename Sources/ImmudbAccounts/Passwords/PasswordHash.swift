import Crypto
import CryptoExtras

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The stored form of a password: its scrypt key (RFC 7914), the salt and the parameters.
package struct PasswordHash: Hashable, Sendable {
    /// The cost of a guess.
    package struct Parameters: Hashable, Sendable {
        /// N, a power of two.
        var rounds: Int
        /// r.
        var blockSize: Int
        /// p.
        var parallelism: Int

        /// 16 MiB, and about 50 ms of a server's core.
        package static let standard = Parameters(rounds: 1 << 14, blockSize: 8, parallelism: 1)
        /// For tests, which make many hashes.
        package static let cheap = Parameters(rounds: 16, blockSize: 8, parallelism: 1)

        /// Whether a hash with these parameters takes a reasonable time and at most 1 GiB of
        /// memory.
        var isSane: Bool {
            guard (2...1 << 20).contains(rounds), rounds.nonzeroBitCount == 1,
                (1...64).contains(blockSize), (1...16).contains(parallelism)
            else { return false }
            return 128 * rounds * blockSize * parallelism <= 1 << 30
        }
    }

    static let keyByteCount = 32
    private static let saltByteCount = 16

    let parameters: Parameters
    let salt: [UInt8]
    let key: [UInt8]

    init(parameters: Parameters, salt: [UInt8], key: [UInt8]) {
        self.parameters = parameters
        self.salt = salt
        self.key = key
    }

    /// Hashes a new password with a new salt.
    ///
    /// - Throws: `noMemory`.
    init(of password: [UInt8], _ parameters: Parameters) throws(AccountError) {
        self.parameters = parameters
        var generator = SystemRandomNumberGenerator()
        salt = (0..<Self.saltByteCount).map { _ in .random(in: .min ... .max, using: &generator) }
        key = try Self.derive(password, salt, parameters)
    }

    /// Returns whether this is the hash of `password`. The time does not depend on the number of
    /// matching bytes.
    ///
    /// - Throws: `noMemory`.
    func matches(_ password: [UInt8]) throws(AccountError) -> Bool {
        isEqualInConstantTime(try Self.derive(password, salt, parameters), key)
    }

    /// Takes as long as `matches(_:)`, for a user without a password.
    static func imitate(_ password: [UInt8], _ parameters: Parameters) throws(AccountError) {
        let hash = PasswordHash(
            parameters: parameters, salt: [UInt8](repeating: 0, count: saltByteCount),
            key: [UInt8](repeating: 0, count: keyByteCount))
        _ = try hash.matches(password)
    }

    private static func derive(
        _ password: [UInt8], _ salt: [UInt8], _ parameters: Parameters
    ) throws(AccountError) -> [UInt8] {
        precondition(!password.isEmpty, "no rule allows an empty password")
        do {
            let key = try KDF.Scrypt.deriveKey(
                from: password, salt: salt, outputByteCount: keyByteCount,
                rounds: parameters.rounds, blockSize: parameters.blockSize,
                parallelism: parameters.parallelism,
                // Twice the memory of the blocks.
                maxMemory: 256 * parameters.rounds * parameters.blockSize * parameters.parallelism
                    + 1 << 20)
            return key.withUnsafeBytes { Array($0) }
        } catch {
            // The parameters are sane, so the only possible failure is a lack of memory for the
            // blocks.
            throw .noMemory
        }
    }
}

/// Compares bytes in a time that depends only on their number.
func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
}
