import Foundation
import ImmudbClient
import ImmudbProtocol
import TestTools
import Testing

@Suite("Values, as text and with their time")
struct ContentTests {
    @Test(
        "are structured for the client exactly when they are for the server"
    )
    func sameAsServer() {
        var random = SplitMix64(seed: 42)
        for _ in 0..<20_000 {
            let timestamp = random.next() >> UInt64.random(in: 0..<64, using: &random)
            let payload = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var bytes = Content(timestamp: timestamp, payload: payload).storedValue
            #expect(Content(storedValue: bytes) == Content(timestamp: timestamp, payload: payload))
            var message = Immudb_Schema_Content()
            message.timestamp = timestamp
            message.payload = Data(payload)
            #expect(message.storedValue == bytes)
            // Most of the significant bytes are at the beginning.
            let position = Int.random(in: 0...min(bytes.count, 12), using: &random)
            switch UInt8.random(in: 0..<3, using: &random) {
            case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
            case 1 where position < bytes.count: bytes.remove(at: position)
            default: bytes.append(0)
            }
            let other = Immudb_Schema_Content(storedValue: bytes)
            #expect(Content(storedValue: bytes)?.timestamp == other?.timestamp)
            #expect(Content(storedValue: bytes)?.payload == other.map { [UInt8]($0.payload) })
        }
    }

    @Test("are raw with overlong numbers, numbers beyond 64 bits, and fields out of order")
    func raw() {
        for bytes: [UInt8] in [
            [0x08, 0x80, 0x00], [0x08, 0x00], [0x12, 0x00], [0x12, 0x01, 0x61, 0x08, 0x01],
            [0x08] + [UInt8](repeating: 0xff, count: 10) + [0x01],
            [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x7f], [0x12, 0x05, 0x61], [0x08],
            [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x61],
        ] {
            #expect(Content(storedValue: bytes) == nil)
            #expect(Immudb_Schema_Content(storedValue: bytes) == nil)
        }
    }

    @Test("have the payload without its time as text, and nil if it is not UTF-8")
    func text() {
        let content = Content(timestamp: 1_795_867_200, payload: Array("wörld".utf8))
        let entry = Entry(index: EntryIndex(0), key: Array("k".utf8), value: content.storedValue)
        #expect(entry.text == "wörld" && entry.keyText == "k")
        #expect(entry.content?.date == Date(timeIntervalSince1970: 1_795_867_200))
        let raw = Entry(index: EntryIndex(0), key: [0xff], value: [0xff])
        #expect(raw.text == nil && raw.keyText == nil)
        #expect(Entry(index: EntryIndex(0), key: [], value: Array("raw".utf8)).text == "raw")
    }
}
