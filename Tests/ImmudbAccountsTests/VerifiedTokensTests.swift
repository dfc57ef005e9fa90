import Testing

@testable import ImmudbAccounts

@Suite("Verified tokens")
struct VerifiedTokensTests {
    private let account: Account
    private let number: UInt64 = 7

    init() throws {
        let hash = try PasswordHash(of: Array("Passw0rd!".utf8), .cheap)
        account = Account(name: .administrator, credentials: Credentials(hash, number: number))
    }

    private func token(expiry: Int64 = 1_000) -> VerifiedTokens.Token {
        VerifiedTokens.Token(
            account: account, caller: Caller(name: account.name, isAdministrator: true),
            expiry: expiry, credentials: number)
    }

    @Test("are found by their exact bytes, not by text that looks the same")
    func bytes() {
        let tokens = VerifiedTokens()
        let text = String(repeating: "K", count: 200)
        tokens.insert(text, token(), now: 0)
        #expect(tokens[text] != nil)
        // As a character, the Kelvin sign equals the letter K.
        #expect(tokens["\u{212A}" + text.dropFirst()] == nil)
        #expect(tokens["L" + text.dropFirst()] == nil)
        #expect(tokens[text + "K"] == nil)
    }

    @Test("never exceed their limit, and expired ones go first")
    func bound() {
        let tokens = VerifiedTokens()
        for number in 0..<20_000 { tokens.insert("old \(number)", token(expiry: 10), now: 0) }
        #expect(tokens.count <= 4_096)
        for number in 0..<2_000 { tokens.insert("new \(number)", token(), now: 10) }
        let found = (0..<2_000).count { tokens["new \($0)"] != nil }
        #expect(found == 2_000)
    }

    @Test("are valid for an hour at most, and while their user has the same credentials")
    func validity() {
        let token = token()
        #expect(token.isGood(at: 999))
        #expect(!token.isGood(at: 1_000))
        account.replace(nil)
        #expect(!token.isGood(at: 0))
    }
}
