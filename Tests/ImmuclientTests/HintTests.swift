import ClientKit
import ImmudbClient
import RPCTransport
import Testing

@testable import immuclient

@Suite("Hints at a refusal")
struct HintTests {
    private func hint(
        _ status: StatusCode, _ names: [(GivenName.Role, [UInt8])]
    ) -> Failure.Hint? {
        Failure.Hint(
            for: ClientError(.refused, "invalid key", status: status),
            about: names.map { GivenName($0.0, $0.1) })
    }

    @Test("name a key that was not found, as text that a terminal can show")
    func notFound() {
        let found = hint(.notFound, [(.newReference, [0x6e]), (.existingKey, [0x6b, 0x1b])])
        #expect(found?.text == #"there is no key 'k\x1b'"#)
        #expect(found?.key == [0x6b, 0x1b])
        let long = hint(.notFound, [(.existingKey, [UInt8](repeating: 0x61, count: 60_000))])
        #expect(long?.text.count ?? 0 < 300)
        #expect(hint(.notFound, [(.newKey, [0x6b])]) == nil)
    }

    @Test("explain an invalid name with the rule that it breaks")
    func invalid() {
        let tooLong = [UInt8](repeating: 0x61, count: 65_001)
        for (role, bytes, text) in [
            (.newKey, [], "the key is empty: give at least one byte"),
            (.existingKey, [0, 1], "the key begins with a zero byte, as no key may"),
            (
                .newReference, Array("!badger!".utf8),
                "the name of the reference begins with !badger!, which is reserved"
            ),
            (.set, [], "the name of the set is empty: give at least one byte"),
            (.newKey, tooLong, "the key has 65001 bytes: give 65000 at most"),
        ] as [(GivenName.Role, [UInt8], String)] {
            #expect(hint(.invalidArgument, [(.existingKey, [1]), (role, bytes)])?.text == text)
        }
        #expect(hint(.invalidArgument, [(.newKey, [0x6b])]) == nil)
        #expect(hint(.unavailable, [(.newKey, [])]) == nil)
    }

    @Test("follow the server's words, which are alone in the message of JSON")
    func failure() throws {
        let error = ClientError(.notFound, "Key not found", status: .notFound)
        let hint = try #require(Failure.Hint(for: error, about: [GivenName(.existingKey, [0x6b])]))
        let failure = Failure(HintedError(cause: error, hint: hint))
        #expect(
            failure.text == "rpc error: code = NotFound desc = Key not found\nthere is no key 'k'")
        #expect(failure.exitCode == .notFound)
        #expect(
            String(decoding: try failure.json.line(), as: UTF8.self)
                == #"{"error":{"code":"NotFound","hint":"there is no key 'k'","key":"k","#
                + #""message":"Key not found"}}"#)
    }
}
