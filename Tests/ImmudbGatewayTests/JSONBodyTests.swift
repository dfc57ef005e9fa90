import Foundation
import ImmudbProtocol
import NIOCore
import NIOFoundationEssentialsCompat
import SwiftProtobuf
import TestTools
import Testing

@testable import ImmudbGateway

@Suite("The JSON of request bodies")
struct JSONBodyTests {
    private func read<Message: SwiftProtobuf.Message>(
        _ text: String, as shape: MessageShape<Message>
    ) throws(JSONFault) -> Message {
        try JSONBody.read(ByteBuffer(string: text), as: shape)
    }

    @Test(
        "may be missing, null, or an object with other fields",
        arguments: ["", " \n", "null", " null ", "{}", #"{"x":[1,{}]}"#])
    func empty(text: String) throws {
        #expect(try read(text, as: Shapes.keyValue) == Immudb_Schema_KeyValue())
    }

    @Test("has fields by both of their names, and null for none")
    func names() throws {
        let list = try read(
            #"{"KVs":[{"key":"YQ==","value":"Yg=="},{"key":null}]}"#, as: Shapes.keyValues)
        #expect(list.kvs.map(\.key) == [Data("a".utf8), Data()])
        #expect(list.kvs[0].value == Data("b".utf8))
    }

    @Test("has whole numbers as numbers or strings, exactly up to 2^64 - 1")
    func numbers() throws {
        for text in ["18446744073709551615", #""18446744073709551615""#] {
            let options = try read(#"{"limit":\#(text)}"#, as: Shapes.scan)
            #expect(options.limit == .max)
        }
        #expect(
            try read(#"{"limit":"9007199254740993"}"#, as: Shapes.scan).limit
                == 9_007_199_254_740_993)
        #expect(
            try read(#"{"limit":9007199254740993}"#, as: Shapes.scan).limit == 9_007_199_254_740_993
        )
    }

    @Test("has scores as numbers or strings")
    func scores() throws {
        for (text, score) in [
            ("1.5", 1.5), (#""-2e3""#, -2e3), (#""Infinity""#, .infinity), ("-0.0", -0.0), ("7", 7),
        ] {
            let options = try read(#"{"score":\#(text)}"#, as: Shapes.zAdd)
            #expect(options.score.bitPattern == score.bitPattern)
        }
        #expect(try read(#"{"score":"NaN"}"#, as: Shapes.zAdd).score.isNaN)
    }

    @Test(
        "is refused by the name of the field that is wrong",
        arguments: [
            (#"{"kv":{"key":"a-_b"}}"#, "field kv.key: not standard base64 with padding"),
            (#"{"kv":{"key":"YQ"}}"#, "field kv.key: not standard base64 with padding"),
            (#"{"kv":{"key":"YQ==\n"}}"#, "field kv.key: not standard base64 with padding"),
            (#"{"kv":{"key":5}}"#, "field kv.key: not a string"),
            (#"{"kv":[]}"#, "field kv: not an object"), (#"{"kv":7}"#, "field kv: not an object"),
            ("{}", "field kv: missing"), (#"{"kv":null}"#, "field kv: missing"),
            (
                #"{"kv":{},"rootIndex":{"index":-1}}"#,
                "field rootIndex.index: not a whole number from 0 to 18446744073709551615, or a string with one"
            ),
            (
                #"{"kv":{},"rootIndex":{"index":"+1"}}"#,
                "field rootIndex.index: not a whole number from 0 to 18446744073709551615, or a string with one"
            ),
            ("[]", "the body is not an object"), ("7", "the body is not an object"),
        ])
    func faults(text: String, message: String) {
        #expect { try read(text, as: Shapes.safeSet) } throws: { "\($0)" == message }
    }

    @Test("is refused by the place of the element that is wrong")
    func elements() {
        #expect { try read(#"{"KVs":[{},null]}"#, as: Shapes.keyValues) } throws: {
            "\($0)" == "field KVs[1]: null"
        }
        #expect { try read(#"{"keys":[{},{},{"key":"?"}]}"#, as: Shapes.keys) } throws: {
            "\($0)" == "field keys[2].key: not standard base64 with padding"
        }
    }

    @Test(
        "is refused unless it is JSON",
        arguments: ["{", "nonsense", "{]", "\u{0}", #"{"key":"\ud800"}"#, "{'key':1}"])
    func nonsense(text: String) {
        #expect(throws: JSONFault.self) { try read(text, as: Shapes.keyValue) }
    }

    @Test("is refused, not followed, when it is nested without end")
    func nesting() {
        let deep = String(repeating: #"{"kv":"#, count: 100_000)
        #expect(throws: JSONFault.self) { try read(deep, as: Shapes.safeSet) }
        #expect(throws: JSONFault.self) {
            try read(String(repeating: "[", count: 100_000), as: Shapes.safeSet)
        }
    }

    @Test("never stops the program, whatever its bytes are", arguments: 0..<200)
    func randomBytes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "{", "}", "[", "]", ":", ",", "\"", "\\", "kv", "\"kv\"", "\"KVs\"", "\"key\"",
            "\"YQ==\"", "null",
            "1e999", "-", "true", "\\u", "\u{feff}", " ",
        ]
        let text = (0..<Int.random(in: 1...60, using: &random)).map { _ in
            pieces.randomElement(using: &random) ?? ""
        }.joined()
        var bytes = ByteBuffer(string: text)
        if Bool.random(using: &random) {
            bytes.writeInteger(UInt8.random(in: .min ... .max, using: &random))
        }
        #expect((try? JSONScan.valueCount(bytes)) ?? 1 >= 1)
        _ = try? JSONBody.read(bytes, as: Shapes.safeSet)
        _ = try? JSONBody.read(bytes, as: Shapes.keyValues)
    }

    private func count(_ text: String) throws(JSONFault) -> Int {
        try JSONScan.valueCount(ByteBuffer(string: text))
    }

    @Test("is counted before it is read: names and values, none of those inside strings")
    func counting() throws {
        #expect(try count("{}") == 2)
        #expect(try count(#"{"a":[1,2,3]}"#) == 6)
        #expect(try count(#"{"a":",,[[{{\",,"}"#) == 3)
        #expect(try count(String(repeating: "[],", count: 1_000)) == 2_001)
    }

    @Test(
        "is refused for a name that is costly to hash, however it is written",
        arguments: [
            "\u{315}\u{300}", #"\u0315\u0300"#, String(repeating: "n", count: 65), "\u{0}",
        ])
    func names(name: String) {
        for text in [#"{"\#(name)":1}"#, "{\"a\":{\"\(name)\" \n :1}}", #"[{"\#(name)":"x"}]"#] {
            #expect(throws: JSONFault.self) { try count(text) }
        }
    }

    @Test("may have any text as a value, and names of ours")
    func values() throws {
        #expect(try count(#"{"x":"\u0315 \u0300 é","rootIndex":{"index":1.5e300}}"#) > 1)
    }

    @Test("is refused for a number that is costly to read")
    func longNumbers() {
        let digits = String(repeating: "9", count: 401)
        for text in ["[\(digits)]", #"{"score":\#(digits)}"#, #"["x"\#(digits)]"#] {
            #expect(throws: JSONFault.self) { try count(text) }
        }
        #expect(throws: JSONFault.self) {
            try read(#"{"score":"\#(digits)"}"#, as: Shapes.zAdd)
        }
        #expect(throws: JSONFault.self) { try read(#"{"score":"1e400"}"#, as: Shapes.zAdd) }
    }

    @Test("is UTF-8: other encodings are refused, in which it could not be counted")
    func encodings() throws {
        for encoding in [String.Encoding.utf16BigEndian, .utf16LittleEndian, .utf32BigEndian] {
            let data = try #require(#"{"∀":[0,0,0]}"#.data(using: encoding))
            #expect(throws: JSONFault.self) {
                try JSONScan.valueCount(ByteBuffer(bytes: data))
            }
        }
    }
}

@Suite("The JSON of answers")
struct JSONTextTests {
    @Test("escapes what JSON does not allow in strings, so that any reader gets them back")
    func escapes() throws {
        let text = "a\"b\\c\u{0}\n\u{7f}\u{1F600}é"
        var json = JSONText()
        json.object { $0.field(text, string: text) }
        let read =
            try JSONSerialization.jsonObject(with: Data(buffer: json.buffer)) as? [String: String]
        #expect(read == [text: text])
    }

    @Test("has an entry as protobuf's own JSON has it")
    func items() throws {
        for (key, value, index) in [
            ("", "", 0), ("k", "", 0), ("", "v", 1), ("key", "a+/\u{0}é", UInt64.max),
            ("k", "v", 7),
        ] {
            let item = Immudb_Schema_Item.with {
                $0.key = Data(key.utf8)
                $0.value = Data(value.utf8)
                $0.index = index
            }
            let json: [UInt8] = try item.jsonUTF8Bytes(options: GatewayCore.jsonOptions)
            #expect(try GatewayCore.json(item) == ByteBuffer(bytes: json))
        }
    }

    @Test("has the options in the order of immugw 0.6")
    func options() throws {
        var options = GatewayOptions()
        options.process.logFile = "a\"b"
        #expect(
            options.json.hasPrefix(
                #"{"Address":"127.0.0.1","Port":3323,"ImmudbAddress":"127.0.0.1","ImmudbPort":3322,"Detached":false,"MTLs":false,"MTLsOptions":{"Servername":"localhost","Pkey":"#
            ))
        #expect(options.json.hasSuffix(#"},"Config":"","Pidfile":"","Logfile":"a\"b"}"#))
    }
}
