import Foundation
import ImmudbProtocol
import OwnThread
import SwiftProtobuf
import Testing

/// Compares the generated Swift code with bytes that clients of immudb 0.6 send and store.
@Suite("Messages on the wire", .ownThread)
struct EncodingTests {
    @Test(
        "encode content as the original's clients do",
        arguments: [
            (UInt64(0), "", ""),
            (0, "78", "120178"),
            (1, "", "0801"),
            (1_795_374_564, "76616c756531", "08e4fb8cd806120676616c756531"),
            (.max, "00", "08ffffffffffffffffff01120100"),
        ])
    func content(timestamp: UInt64, payload: String, encoded: String) throws {
        var content = Immudb_Schema_Content()
        content.timestamp = timestamp
        content.payload = try data(hex: payload)
        #expect(hex(content.storedValue) == encoded)
        #expect(hex(try content.serializedBytes()) == encoded)
        let decoded = try #require(Immudb_Schema_Content(storedValue: try data(hex: encoded)))
        #expect(decoded == content)
    }

    @Test(
        "take a value for content only if it is exactly what a client would have stored",
        arguments: [
            ("76616c756531", "plain text"),
            ("0800", "a zero timestamp written out"),
            ("1200", "an empty payload written out"),
            ("1201780801", "payload before timestamp"),
            ("08010802", "two timestamps"),
            ("088100", "an overlong number"),
            ("12810078", "an overlong length"),
            ("08011801", "an unknown field"),
            ("0a0178", "a field of another type"),
            ("120578", "a payload that ends early"),
            ("08", "a number that ends early"),
            ("08ffffffffffffffffffff01", "a number of more than 64 bits"),
            ("08ffffffffffffffffff03", "a number of 65 bits, in as many bytes as 64 take"),
        ])
    func notContent(bytes: String, what: Comment) throws {
        #expect(Immudb_Schema_Content(storedValue: try data(hex: bytes)) == nil, what)
    }

    @Test(
        "encode a root as the trusted root files of the original hold it",
        arguments: [
            (
                UInt64(7), "a86b8ffbef0665f0f5c53aef9801787e074a6c8e55733d73ab83344b18589c7d",
                "08071220a86b8ffbef0665f0f5c53aef9801787e074a6c8e55733d73ab83344b18589c7d"
            ),
            (0, "", ""),
            (
                0, "d9026342872db95f907bdd826546d000d05fae2c0a3362486a4b6d48cdb1f8e9",
                "1220d9026342872db95f907bdd826546d000d05fae2c0a3362486a4b6d48cdb1f8e9"
            ),
        ])
    func root(index: UInt64, root: String, encoded: String) throws {
        let message = try Immudb_Schema_Root.with {
            $0.index = index
            $0.root = try data(hex: root)
        }
        #expect(hex(try message.serializedBytes()) == encoded)
        #expect(try Immudb_Schema_Root(serializedBytes: data(hex: encoded)) == message)
    }

    @Test("put a root's signature behind its fields, where clients of 0.6 skip it")
    func signedRoot() throws {
        let message = Immudb_Schema_Root.with {
            $0.index = 7
            $0.root = Data([0xbb])
            $0.signature.signature = Data([0x30, 0x06])
            $0.signature.publicKey = Data([0x04, 0x01])
        }
        let encoded = "0807" + "1201bb" + "1a08" + "0a023006" + "12020401"
        #expect(hex(try message.serializedBytes()) == encoded)
        #expect(try Immudb_Schema_Root(serializedBytes: data(hex: encoded)) == message)
        // A client that does not know field 3 reads the same root.
        var known = message
        known.clearSignature()
        #expect(hex(try known.serializedBytes()) == "0807" + "1201bb")
    }

    @Test("put the fields of a proof where the specification has them")
    func proof() throws {
        let message = Immudb_Schema_SafeItem.with {
            $0.item.key = Data("k".utf8)
            $0.item.value = Data("v".utf8)
            $0.item.index = 3
            $0.proof.leaf = Data([0xaa])
            $0.proof.index = 3
            $0.proof.root = Data([0xbb])
            $0.proof.at = 300
            $0.proof.inclusionPath = [Data([1]), Data()]
            $0.proof.consistencyPath = [Data([2])]
        }
        let item = "0a016b" + "120176" + "1803"
        let proof = "0a01aa" + "1003" + "1a01bb" + "20ac02" + "2a0101" + "2a00" + "320102"
        let expected = "0a08" + item + "1213" + proof
        #expect(hex(try message.serializedBytes()) == expected)
    }

    @Test("put the fields of requests where the specification has them")
    func requests() throws {
        let set = Immudb_Schema_SafeSetOptions.with {
            $0.kv.key = Data("k".utf8)
            $0.rootIndex.index = 5
        }
        #expect(hex(try set.serializedBytes()) == "0a030a016b" + "12020805")
        let member = Immudb_Schema_ZAddOptions.with {
            $0.set = Data("s".utf8)
            $0.score = 1.5
            $0.key = Data("k".utf8)
        }
        #expect(hex(try member.serializedBytes()) == "0a0173" + "11000000000000f83f" + "1a016b")
        let page = Immudb_Schema_Page.with { $0.more = true }
        #expect(hex(try page.serializedBytes()) == "1801")
        let dumped = Pb_KV.with {
            $0.userMeta = Data([0])
            $0.streamID = 1
            $0.streamDone = true
        }
        #expect(hex(try dumped.serializedBytes()) == "1a0100" + "5001" + "5801")
    }

    @Test("keep the capitals of KVs and SKVs in JSON")
    func json() throws {
        let batch = Immudb_Schema_KVList.with { $0.kvs = [.with { $0.key = Data("k".utf8) }] }
        #expect(try batch.jsonString() == #"{"KVs":[{"key":"aw=="}]}"#)
        let structured = Immudb_Schema_SKVList.with { $0.skvs = [.with { $0.value.timestamp = 1 }] }
        #expect(try structured.jsonString() == #"{"SKVs":[{"value":{"timestamp":"1"}}]}"#)
        let proof = Immudb_Schema_ConsistencyProof.with { $0.firstRoot = Data([1]) }
        #expect(try proof.jsonString() == #"{"firstRoot":"AQ=="}"#)
    }
}

private struct NotHex: Error {}

private func data(hex: String) throws -> Data {
    let digits = try hex.map { digit in
        guard let value = digit.hexDigitValue else { throw NotHex() }
        return UInt8(value)
    }
    guard digits.count.isMultiple(of: 2) else { throw NotHex() }
    return Data(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
}

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
