import ImmudbStore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The value of a user's entry in the system's database: JSON.
struct StoredUser: Codable {
    /// The prefix of the keys of users; the rest of a key is the name.
    static let keyPrefix = Array("user/".utf8)

    struct Hash: Codable {
        /// `scrypt`, with the names of RFC 7914 for its parameters.
        var kdf: String
        var n: Int
        var r: Int
        var p: Int
        var salt: Data
        var key: Data
    }

    /// 16 hexadecimal digits. A deleted user has neither this nor a hash.
    var credentials: String?
    var hash: Hash?

    init(_ credentials: Credentials?) {
        guard let credentials else { return }
        self.credentials = hexadecimal(credentials.number)
        let hash = credentials.hash
        self.hash = Hash(
            kdf: "scrypt", n: hash.parameters.rounds, r: hash.parameters.blockSize,
            p: hash.parameters.parallelism, salt: Data(hash.salt), key: Data(hash.key))
    }

    /// Makes the entry that stores a user's credentials, or the user's deletion.
    static func entry(_ name: UserName, _ credentials: Credentials?) -> NewEntry {
        NewEntry(key: keyPrefix + name.bytes, value: encodedJSON(StoredUser(credentials)))
    }

    /// - Throws: `corruption` that names the entry. There is no fallback for a damaged user.
    static func account(of entry: Entry) throws(StoreError) -> Account {
        do {
            let name = try UserName(entry.key.dropFirst(keyPrefix.count))
            let stored = try JSONDecoder().decode(StoredUser.self, from: Data(entry.value))
            return Account(name: name, credentials: try stored.checkedCredentials())
        } catch {
            throw StoreError(
                .corruption,
                "entry \(entry.index) of the system's database is not a user as this release stores it",
                cause: error)
        }
    }

    private struct UnknownForm: Error {}

    private func checkedCredentials() throws -> Credentials? {
        guard let hash, let text = credentials else {
            guard hash == nil, credentials == nil else { throw UnknownForm() }
            return nil
        }
        let parameters = PasswordHash.Parameters(
            rounds: hash.n, blockSize: hash.r, parallelism: hash.p)
        guard hash.kdf == "scrypt", parameters.isSane, hash.key.count == PasswordHash.keyByteCount,
            !hash.salt.isEmpty, let number = UInt64(text, radix: 16), number != 0
        else { throw UnknownForm() }
        return Credentials(
            PasswordHash(parameters: parameters, salt: Array(hash.salt), key: Array(hash.key)),
            number: number)
    }
}

/// Formats a number as 16 hexadecimal digits.
func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// Encodes a value as compact JSON with sorted keys, so that equal values have equal bytes.
func encodedJSON(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return Array(try encoder.encode(value))
    } catch {
        preconditionFailure("strings and numbers cannot be encoded: \(error)")
    }
}
