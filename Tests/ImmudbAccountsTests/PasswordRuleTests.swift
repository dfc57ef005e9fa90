import Testing

@testable import ImmudbAccounts

@Suite("The password rule")
struct PasswordRuleTests {
    @Test(
        "takes 8 to 32 bytes with an uppercase letter, a digit and a special character",
        arguments: [
            "Passw0rd!", "A1!aaaaa", "Ä1€äaaaa", String(repeating: "a", count: 29) + "A1!",
            "ABCDEF1_",
        ])
    func takes(password: String) { #expect(PasswordRule.allows(password.utf8)) }

    @Test(
        "refuses all other passwords",
        arguments: [
            "", "A1!aaaa", "passw0rd!", "Password!", "Passw0rdd", "PASS WORD1!", "Passw0rd!\n",
            String(repeating: "a", count: 30) + "A1!", "Passw0rd!中", "Passw٠rd", "Passw0rd!\0",
        ])
    func refuses(password: String) { #expect(!PasswordRule.allows(password.utf8)) }

    @Test("refuses bytes that are not UTF-8")
    func notText() { #expect(!PasswordRule.allows(Array("Passw0rd!".utf8) + [0xff])) }

    @Test("allows generated passwords, which have 32 characters and differ each time")
    func generated() {
        let passwords = (0..<200).map { _ in GeneratedPassword.draw() }
        #expect(Set(passwords).count == passwords.count)
        for password in passwords {
            #expect(PasswordRule.allows(password.utf8))
            #expect(password.wholeMatch(of: /[A-Za-z0-9!?]{32}/) != nil, "\(password)")
        }
    }
}

@Suite("Hashes of passwords")
struct PasswordHashTests {
    @Test("match their password and no other, and no two are the same")
    func matching() throws {
        let password = Array("Passw0rd!".utf8)
        let hash = try PasswordHash(of: password, .cheap)
        #expect(try hash.matches(password))
        for position in password.indices {
            var other = password
            other[position] ^= 1
            #expect(try !hash.matches(other))
        }
        #expect(try !hash.matches(Array("Passw0rd".utf8)))
        #expect(try PasswordHash(of: password, .cheap).key != hash.key)
    }

    @Test("equal the scrypt vector of RFC 7914, section 12")
    func vector() throws {
        let key: [UInt8] = [
            0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48, 0x46, 0x1c, 0x06, 0xcd, 0x81, 0xfd,
            0x38, 0xeb,
            0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f, 0x8e, 0x3e, 0xa9, 0xb5, 0x43, 0xf6, 0x54, 0x5d,
            0xa1, 0xf2,
        ]
        let hash = PasswordHash(
            parameters: .init(rounds: 16_384, blockSize: 8, parallelism: 1),
            salt: Array("SodiumChloride".utf8), key: key)
        #expect(try hash.matches(Array("pleaseletmein".utf8)))
    }
}
