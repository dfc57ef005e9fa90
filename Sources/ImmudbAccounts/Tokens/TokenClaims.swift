#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The claims of a token: JSON with those of immudb 0.6, all strings, and one further claim.
package struct TokenClaims: Hashable {
    package var user: UserName
    package var isAdministrator: Bool
    /// The time in seconds since 1970.
    package var expiry: Int64
    /// The number of the credentials that were used to log in.
    package var credentials: UInt64

    package var json: [UInt8] {
        encodedJSON([
            "admin": isAdministrator ? "true" : "false",
            "crd": hexadecimal(credentials),
            "exp": Timestamp.text(expiry),
            "sub": user.description,
        ])
    }

    init(user: UserName, isAdministrator: Bool, expiry: Int64, credentials: UInt64) {
        self.user = user
        self.isAdministrator = isAdministrator
        self.expiry = expiry
        self.credentials = credentials
    }

    /// - Parameter now: the time in seconds since 1970. Claims about the beginning of the validity
    ///   must be in the past.
    /// - Returns: nil for claims that a login never produces.
    package init?(json: [UInt8], now: Int64) {
        guard let claims = try? JSONDecoder().decode([String: String].self, from: Data(json)),
            let name = claims["sub"], let user = try? UserName(name),
            let expiry = claims["exp"].flatMap(Timestamp.seconds),
            let admin = claims["admin"], admin == "true" || admin == "false",
            let number = claims["crd"], number.utf8.count == 16,
            let credentials = UInt64(number, radix: 16)
        else { return nil }
        for name in ["iat", "nbf"] {
            guard let text = claims[name] else { continue }
            guard let begin = Timestamp.seconds(text), begin <= now else { return nil }
        }
        self.init(
            user: user, isAdministrator: admin == "true", expiry: expiry, credentials: credentials)
    }
}
