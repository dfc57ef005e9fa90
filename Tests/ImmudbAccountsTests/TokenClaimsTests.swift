import Foundation
import TestTools
import Testing

@testable import ImmudbAccounts

@Suite("Claims of a token")
struct TokenClaimsTests {
    private static let claims = TokenClaims(
        user: .administrator, isAdministrator: true, expiry: 1_795_871_064, credentials: 0xfeed)

    @Test("are strings with sorted keys, and are read as they were written")
    func roundTrip() throws {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(Self.claims.json)) as? [String: String])
        #expect(object["admin"] == "true")
        #expect(object["sub"] == "immu")
        let expiry = try #require(object["exp"])
        #expect(ISO8601DateFormatter().date(from: expiry)?.timeIntervalSince1970 == 1_795_871_064)
        let text = String(decoding: Self.claims.json, as: UTF8.self)
        let keys = text.matches(of: /"(\w+)":/).map { String($0.1) }
        #expect(keys == keys.sorted())
        #expect(TokenClaims(json: Self.claims.json, now: 0) == Self.claims)
    }

    @Test("keep names with quotes, line ends and letters of all kinds")
    func names() throws {
        for text in ["a\"b", "line\nend", "jürgen", "\u{1}", "名前", "back\\slash"] {
            var claims = Self.claims
            claims.user = try UserName(text)
            #expect(TokenClaims(json: claims.json, now: 0) == claims)
        }
    }

    @Test(
        "are refused if one is missing or malformed",
        arguments: [
            "", "{}", "[]", "null", "{\"admin\":true}",
            #"{"admin":"true","exp":"2026-11-28T12:00:00Z","sub":"immu"}"#,
            #"{"admin":"yes","crd":"0000000000000001","exp":"2026-11-28T12:00:00Z","sub":"immu"}"#,
            #"{"admin":"true","crd":"1","exp":"2026-11-28T12:00:00Z","sub":"immu"}"#,
            #"{"admin":"true","crd":"0000000000000001","exp":"2026-13-28T12:00:00Z","sub":"immu"}"#,
            #"{"admin":"true","crd":"0000000000000001","exp":"tomorrow","sub":"immu"}"#,
            #"{"admin":"true","crd":"0000000000000001","exp":"2026-11-28T12:00:00Z","sub":""}"#,
            #"{"admin":"true","crd":"0000000000000001","exp":"2026-11-28T12:00:00Z","sub":7}"#,
        ])
    func malformed(json: String) { #expect(TokenClaims(json: Array(json.utf8), now: 0) == nil) }

    @Test("are refused if they begin in the future")
    func beginnings() {
        func claims(_ more: String) -> TokenClaims? {
            let json =
                #"{"admin":"true","crd":"0000000000000001","exp":"2030-01-01T00:00:00Z",\#(more)"sub":"immu"}"#
            return TokenClaims(json: Array(json.utf8), now: 1_795_867_464)
        }
        #expect(claims("") != nil)
        #expect(claims(#""iat":"2026-11-28T12:04:24Z","#) != nil)
        #expect(claims(#""iat":"2026-11-28T12:04:25Z","#) == nil)
        #expect(claims(#""nbf":"2026-11-28T13:04:25+01:00","#) == nil)
        #expect(claims(#""nbf":"soon","#) == nil)
    }

    @Test("have times in any form of RFC 3339, which survive a round trip")
    func times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59z", -1),
            ("2000-02-29t12:00:00.25Z", 951_825_600),
            ("2026-11-28T13:04:24+01:00", 1_795_867_464),
            ("2026-11-28T06:34:24-05:30", 1_795_867_464),
        ] as [(String, Int64)] {
            #expect(Timestamp.seconds(text) == seconds, "\(text)")
        }
        for text in [
            "", "2026-11-28", "2026-11-28T13:04:24", "2026-11-28T13:04Z", "2026-11-28 13:04:24Z",
            "2026-00-28T13:04:24Z", "2026-11-32T13:04:24Z", "2026-11-28T24:04:24Z",
            "+026-11-28T13:04:24Z",
            "2026-11-28T13:04:24.Z", "2026-11-28T13:04:24+1:00", "2026-11-28T13:04:24ZZ",
            "٢026-11-28T13:04:24Z",
        ] { #expect(Timestamp.seconds(text) == nil, "\(text)") }
        var random = SplitMix64(seed: 3)
        for _ in 0..<500 {
            let seconds = Int64(random.next(below: 4_000_000_000))
            #expect(Timestamp.seconds(Timestamp.text(seconds)) == seconds)
        }
    }

    @Test("are in base64 as Foundation encodes it, without padding, and in no other form")
    func base64() {
        var random = SplitMix64(seed: 5)
        for length in 0..<100 {
            let bytes = (0..<length).map { _ in UInt8(random.next(below: 256)) }
            let text = Base64URL.encode(bytes)
            let reference = Data(bytes).base64EncodedString().replacing("=", with: "")
                .replacing("+", with: "-").replacing("/", with: "_")
            #expect(text == reference)
            #expect(Base64URL.decode(text.utf8) == bytes)
        }
        for text in ["A", "AB", "AAB", "AA=", "AA==", "+A", "A/", "A A"] where text != "AA" {
            #expect(Base64URL.decode(text.utf8) == nil, "\(text)")
        }
    }
}
