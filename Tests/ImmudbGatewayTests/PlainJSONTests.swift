import ImmudbProtocol
import NIOCore
import SwiftProtobuf
import TestTools
import Testing

@testable import ImmudbGateway

@Suite("Plain JSON")
struct PlainJSONTests {
    private func read<Message: SwiftProtobuf.Message>(
        _ text: String, as shape: MessageShape<Message>
    ) -> Message? {
        PlainJSON.read(ByteBuffer(string: text), as: shape)
    }

    @Test(
        "is what clients usually send",
        arguments: [
            #"{"kv":{"key":"YQ==","value":"Yg=="}}"#,
            " {\t\"kv\" : {\"value\":\"\" ,\n\"key\":\"YWJj\"},\r\n\"rootIndex\":{\"index\": 0 } } ",
            #"{"rootIndex":{"index":18446744073709551615},"kv":{}}"#,
            #"{"rootIndex":{},"kv":{"key":"+/+/"}}"#,
        ])
    func plain(text: String) throws {
        let message = try #require(read(text, as: Shapes.safeSet))
        #expect(try JSONBody.read(ByteBuffer(string: text), as: Shapes.safeSet) == message)
    }

    @Test("has lists")
    func lists() {
        #expect(read(#"{"KVs":[]}"#, as: Shapes.keyValues)?.kvs.isEmpty == true)
        #expect(
            read(#"{"KVs":[{"key":"YQ=="}, {} ,{"value":"Yg=="}]}"#, as: Shapes.keyValues)?.kvs
                .count == 3)
    }

    @Test(
        "is nothing that could be read in two ways, and no fault",
        arguments: [
            "", "null", "[]", "{", "}", "{}{}", #"{"kv"}"#, #"{"kv":}"#, #"{"kv":null}"#, "{}",
            #"{"kv":{}"#, #"{"kv":{},}"#, #"{"kv":{}}x"#, #"{"kv":{},"kv":{}}"#,
            #"{"kv":{},"x":1}"#, #"{"k\u0076":{}}"#, #"{kv:{}}"#, #"{"kv":{"key":"YQ"}}"#,
            #"{"kv":{"key":"YQ==\n"}}"#, #"{"kv":{"key":"\u0059Q=="}}"#, #"{"kv":{"key":"YQ==}}"#,
            #"{"kv":{"key":1}}"#, #"{"kv":{},"rootIndex":{"index":"1"}}"#,
            #"{"kv":{},"rootIndex":{"index":01}}"#, #"{"kv":{},"rootIndex":{"index":-1}}"#,
            #"{"kv":{},"rootIndex":{"index":1.0}}"#, #"{"kv":{},"rootIndex":{"index":1e2}}"#,
            #"{"kv":{},"rootIndex":{"index":18446744073709551616}}"#,
            #"{"kv":{},"rootIndex":{"index":99999999999999999999}}"#,
            "\u{feff}" + #"{"kv":{}}"#, #"{"kv":{} "rootIndex":{}}"#, #"{"rootIndex":{}}"#,
        ])
    func notPlain(text: String) { #expect(read(text, as: Shapes.safeSet) == nil) }

    @Test("is read as JSONDecoder reads it, whatever its bytes are", arguments: 0..<500)
    func randomText(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "{", "}", "[", "]", ":", ",", "\"", "\\", "\"kv\":", "\"KVs\":[", "\"key\":",
            "\"value\":", "\"index\":", "\"rootIndex\":{", "\"YQ==\"", "\"YWJj\"", "{}", "0", "7",
            "-", "1e1", "null", " ",
        ]
        let usual = [
            #"{"kv":{"key":"YQ==","value":"Yg=="},"rootIndex":{"index":7}}"#,
            #"{"KVs":[{"key":"YQ=="},{"value":"YWJj"}]}"#,
        ]
        var text = Array((usual.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let start = Int.random(in: 0...text.count, using: &random)
            let end = min(text.count, start + Int.random(in: 0...4, using: &random))
            text.replaceSubrange(
                start..<end, with: (pieces.randomElement(using: &random) ?? "").utf8)
        }
        let body = ByteBuffer(bytes: text)
        if let message = PlainJSON.read(body, as: Shapes.safeSet) {
            #expect((try? JSONBody.read(body, as: Shapes.safeSet)) == message)
        }
        if let message = PlainJSON.read(body, as: Shapes.keyValues) {
            #expect((try? JSONBody.read(body, as: Shapes.keyValues)) == message)
        }
    }
}
