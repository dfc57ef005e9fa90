import Crypto
import TestTools
import Testing

@testable import ImmudbAccounts

/// Checks the public vectors of PASETO, version 2: 2-S-1 and 2-S-2.
@Suite("Signed messages")
struct SignedMessageTests {
    private static let seed = bytes(
        "b4cbfb43df4ce210727d953e4a713307fa19bb7d9f85041438d9e11b942a3774")
    private static let publicKey = bytes(
        "1eb9dbbbbc047c03fd70604e0071f0987e16b28b757225c11f00415d0e20b1a2")
    private static let payload =
        #"{"data":"this is a signed message","exp":"2019-01-01T00:00:00+00:00"}"#
    private static let vectors = [
        (
            footer: "",
            token:
                "v2.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAxOS0wMS0wMVQwMDowMDowMCsw"
                + "MDowMCJ9HQr8URrGntTu7Dz9J2IF23d1M7-9lH9xiqdGyJNvzp4angPW5Esc7C5huy_M8I8_DjJK2ZXC2SUYuOFM-Q_5Cw"
        ),
        (
            footer: #"{"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"}"#,
            token:
                "v2.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAxOS0wMS0wMVQwMDowMDowMCsw"
                + "MDowMCJ9flsZsx_gYCR0N_Ec2QxJFFpvQAs7h9HtKwbVK2n1MJ3Rz-hwe8KUqjnd8FAnIJZ601tp7lGkguU63oGbomhoBw"
                + ".eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9"
        ),
    ]

    @Test("are parsed and verified by the vectors, but not with another key")
    func vectors() throws {
        let key = try Curve25519.Signing.PublicKey(rawRepresentation: Self.publicKey)
        let other = Curve25519.Signing.PrivateKey().publicKey
        for (footer, token) in Self.vectors {
            let message = try #require(SignedMessage(token.utf8))
            #expect(message.message == Array(Self.payload.utf8))
            #expect(message.footer == Array(footer.utf8))
            #expect(message.isSigned(by: key))
            #expect(!message.isSigned(by: other))
        }
    }

    @Test("equal the vectors where Ed25519 is deterministic")
    func signing() throws {
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: Self.seed)
        #expect(Array(key.publicKey.rawRepresentation) == Self.publicKey)
        for (footer, token) in Self.vectors {
            let made = try SignedMessage.token(
                Array(Self.payload.utf8), footer: Array(footer.utf8), signedBy: key)
            #if canImport(Darwin)
                let message = try #require(SignedMessage(made.utf8))
                #expect(message.isSigned(by: key.publicKey))
                #expect(made.utf8.count == token.utf8.count)
            #else
                #expect(made == token)
            #endif
        }
    }

    @Test("encode the signed pieces by the vectors of the specification")
    func encoding() {
        func encoded(_ pieces: [String]) -> [UInt8] {
            SignedMessage.preAuthenticationEncoding(pieces.map { Array($0.utf8) })
        }
        #expect(encoded([]) == Self.bytes("0000000000000000"))
        #expect(encoded([""]) == Self.bytes("01000000000000000000000000000000"))
        #expect(encoded(["test"]) == Self.bytes("0100000000000000040000000000000074657374"))
        #expect(encoded(["a", "b"]) != encoded(["ab", ""]))
    }

    @Test("are invalid if a character is changed, removed or added")
    func mutations() throws {
        let key = try Curve25519.Signing.PublicKey(rawRepresentation: Self.publicKey)
        func holds(_ token: [UInt8]) -> Bool { SignedMessage(token)?.isSigned(by: key) == true }
        for (_, text) in Self.vectors {
            let token = Array(text.utf8)
            #expect(holds(token))
            for position in token.indices {
                var shorter = token
                shorter.remove(at: position)
                #expect(!holds(shorter))
                for character in "AZaz09-_.=+/ \0\u{e9}".utf8 {
                    var longer = token
                    longer.insert(character, at: position)
                    #expect(!holds(longer))
                    var changed = token
                    changed[position] = character
                    #expect(changed == token || !holds(changed), "\(position) \(character)")
                }
            }
            for more in ["A", ".", "=", ".A", ".aW1tdWRi"] { #expect(!holds(token + more.utf8)) }
        }
    }

    @Test("are not parsed from random bytes")
    func noise() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<2_000 {
            let bytes = (0..<random.next(below: 200)).map { _ in UInt8(random.next(below: 256)) }
            let message = SignedMessage(Array("v2.public.".utf8) + bytes)
            #expect(message == nil || message?.isSigned(by: .init(SigningKey())) == false)
        }
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0..<$0 + 2]), radix: 16)
        }
    }
}

extension Curve25519.Signing.PublicKey {
    fileprivate init(_ key: SigningKey) { self = key.public }
}
