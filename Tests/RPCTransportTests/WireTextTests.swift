import NIOCore
import Testing

@testable import RPCTransport

@Suite("The texts of gRPC's headers")
struct WireTextTests {
    @Test(
        "have base64 without padding, and accept it with or without (RFC 4648, section 10)",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
        ])
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)) == Array(plain.utf8))
        let padded = encoded + String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
        #expect(Base64.decode(Array(padded.utf8)) == Array(plain.utf8))
    }

    @Test("read base64 of random bytes back", arguments: 0..<50)
    func base64RoundTrip(count: Int) {
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes, "\(bytes)")
    }

    @Test("refuse invalid base64", arguments: ["A", "Zg===", "Z!==", "AAAAA", "=Zg", "é"])
    func notBase64(text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }

    @Test(
        "percent-encode messages as gRPC specifies",
        arguments: [
            ("plain text", "plain text"), ("100%", "100%25"), ("ä\n", "%C3%A4%0A"),
            ("~\u{7f}", "~%7F"),
        ])
    func percent(plain: String, encoded: String) {
        #expect(WireText.percentEncoded(plain) == Array(encoded.utf8))
        #expect(decoded(encoded) == plain)
    }

    @Test("keep a broken percent code as it is", arguments: ["%", "%4", "%zz", "a%"])
    func brokenPercent(text: String) { #expect(decoded(text) == text) }

    private func decoded(_ text: String) -> String {
        Array(text.utf8).withUnsafeBufferPointer(WireText.percentDecoded)
    }

    @Test(
        "read timeouts in all units, of which the longest does not overflow",
        arguments: [
            ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("3S", 3_000_000_000),
            ("4m", 4_000_000),
            ("5u", 5_000), ("6n", 6), ("0S", 0), ("99999999H", Int64(1) << 61),
        ] as [(String, Int64)])
    func timeout(text: String, nanoseconds: Int64) {
        #expect(timeout(text) == .nanoseconds(nanoseconds))
    }

    @Test(
        "refuse other texts as timeouts",
        arguments: ["", "S", "1", "-1S", "1.5S", "123456789S", "1s", " 1S"])
    func noTimeout(text: String) { #expect(timeout(text) == nil) }

    @Test(
        "send a timeout in at most 8 digits, and never below its unit",
        arguments: [
            1, 99_999_999, 100_000_000, 1_500_000_000, 30_000_000_000, 86_400_000_000_000,
            Int64.max,
        ])
    func timeoutText(nanoseconds: Int64) throws {
        let text = WireText.timeoutText(nanoseconds: nanoseconds)
        #expect(text.utf8.count <= 9)
        let back = try #require(timeout(text))
        let exact = min(nanoseconds, 1 << 61)
        #expect(back.nanoseconds >= exact - 3_600_000_000_000)
        if exact < 1 << 58 {
            #expect(
                back.nanoseconds >= exact && Double(back.nanoseconds) <= Double(exact) * 1.001 + 1)
        }
    }

    private func timeout(_ text: String) -> TimeAmount? {
        Array(text.utf8).withUnsafeBufferPointer(WireText.timeout)
    }

    @Test("keep the order of metadata, find it by lower-case name, and make texts sendable")
    func metadata() {
        var metadata: Metadata = ["One": "1", "two": "2"]
        metadata.add("one", "3")
        metadata.add("raw", binary: [255])
        #expect(metadata.fields.map(\.name) == ["one", "two", "one", "raw-bin"])
        #expect(metadata.all("one") == ["1", "3"] && metadata.first("two") == "2")
        #expect(metadata.firstBinary("raw-bin") == [255] && metadata.first("raw-bin") == nil)
        metadata.add("text", "ä\r\nx")
        #expect(metadata.first("text") == "????x")
        for name in [
            ":path", "content-type", "grpc-status", "te", "", "sp ace", "connection",
            "content-length",
        ] {
            #expect(!Metadata.isSendable(name), "\(name)")
        }
        #expect(Metadata.isSendable("immudb-uuid"))
    }

    private func received(
        _ name: String, _ value: String, room: Int
    ) -> (metadata: Metadata, isTaken: Bool, room: Int) {
        var metadata = Metadata()
        var left = room
        let isTaken = Array(name.utf8).withUnsafeBufferPointer { name in
            Array(value.utf8).withUnsafeBufferPointer { value in
                metadata.addReceived(name: name, value: value, room: &left)
            }
        }
        return (metadata, isTaken, left)
    }

    @Test(
        "remove blanks around a received value",
        arguments: [
            (" a b ", "a b"), ("\ta\t", "a"), ("", ""), ("   ", ""), ("a", "a"), (" a", "a"),
            ("a ", "a"),
        ])
    func blanks(sent: String, value: String) {
        #expect(received("x", sent, room: 100).metadata.all("x") == [value])
    }

    @Test("count 64 bytes for each value between commas, also for invalid base64")
    func commas() {
        let all = received("x-bin", "AQI, Aw==,!,", room: 64 * 4)
        #expect(all.isTaken && all.room == 0)
        #expect(all.metadata.allBinary("x-bin") == [[1, 2], [3], []])
        let many = received("x-bin", String(repeating: ",", count: 4040), room: 64 << 10)
        #expect(!many.isTaken)
        #expect(many.metadata.fields.count == 1024)
        #expect(!received("x-bin", "!!!!,!!!!", room: 127).isTaken)
        // A text takes no more than its field, which the caller counts.
        #expect(received("x", "1234", room: 0).isTaken)
    }
}
