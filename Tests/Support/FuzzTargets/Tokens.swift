import ImmudbAccounts

/// Parses a token and its claims: they are refused, or read as a server could have written them.
func fuzzTokens(_ bytes: [UInt8]) throws {
    if let signed = SignedMessage(bytes) {
        try require(bytes.count > signed.message.count, "a message larger than its token")
        try checkClaims(signed.message)
    }
    try checkClaims(bytes)
}

private func checkClaims(_ json: [UInt8]) throws {
    guard let claims = TokenClaims(json: json, now: .max) else { return }
    try require(
        claims.expiry < 0 || claims.expiry > 253_402_400_000
            || TokenClaims(json: claims.json, now: .max) == claims, "claims that change: \(claims)")
}
