import Foundation
import ImmudbProtocol
import OwnThread
import SwiftProtobuf
import TestTools
import Testing

@Suite("The size of a request before it is decoded", .ownThread)
struct RequestSizeTests {
    /// All requests that methods take, and the messages in them.
    private static let types: [any MeasuredRequest.Type] = [
        Google_Protobuf_Empty.self, Immudb_Schema_Content.self, Immudb_Schema_Index.self,
        Immudb_Schema_IScanOptions.self, Immudb_Schema_Key.self, Immudb_Schema_KeyList.self,
        Immudb_Schema_KeyPrefix.self, Immudb_Schema_KeyValue.self, Immudb_Schema_KVList.self,
        Immudb_Schema_ReferenceOptions.self, Immudb_Schema_SafeGetOptions.self,
        Immudb_Schema_SafeReferenceOptions.self, Immudb_Schema_SafeSetOptions.self,
        Immudb_Schema_SafeSetSVOptions.self, Immudb_Schema_SafeZAddOptions.self,
        Immudb_Schema_ScanOptions.self, Immudb_Schema_SKVList.self,
        Immudb_Schema_StructuredKeyValue.self, Immudb_Schema_ZAddOptions.self,
        Immudb_Schema_ZScanOptions.self,
    ]

    @Test("covers the fields of every request that is served, as they are defined")
    func definition() throws {
        let file = try #require(ProtocolFiles.descriptors.first { $0.package == "immudb.schema" })
        let known = Dictionary(uniqueKeysWithValues: Self.types.map { ($0.protoMessageName, $0) })
        let service = try #require(file.service.first)
        let unserved = ["CreateUser", "ChangePassword", "DeleteUser", "Login"]
        for method in service.method where !unserved.contains(method.name) {
            #expect(known[String(method.inputType.dropFirst())] != nil, "\(method.name)")
        }
        for message in file.messageType {
            guard let type = known["immudb.schema.\(message.name)"] else { continue }
            for number in 0...99 as ClosedRange<UInt64> {
                let field = message.field.first { UInt64($0.number) == number }
                #expect(
                    describe(type.content(ofField: number)) == describe(field),
                    "\(message.name) \(number)")
            }
        }
    }

    private func describe(_ content: FieldContent) -> String {
        switch content {
        case .unknown: "unknown"
        case .number(let type): "\(type)"
        case .bytes: "bytes"
        case .message(let type): "message \(type.protoMessageName)"
        case .elements(let type): "elements \(type.protoMessageName)"
        }
    }

    private func describe(_ field: Google_Protobuf_FieldDescriptorProto?) -> String {
        guard let field else { return "unknown" }
        let name = String(field.typeName.dropFirst())
        return switch field.type {
        case .uint64, .bool: "varint"
        case .double: "fixed64"
        case .bytes: "bytes"
        case .message: "\(field.label == .repeated ? "elements" : "message") \(name)"
        default: "\(field.type)"
        }
    }

    // MARK: the bound

    @Test("is never less than the size of the decoded request, whatever its bytes are")
    func bound() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        for round in 0..<3000 {
            let comment: Comment = "seed \(seed), round \(round)"
            let bytes = random.message(depth: 3)
            try expectBound(Immudb_Schema_KVList.self, bytes, held, comment)
            try expectBound(Immudb_Schema_SKVList.self, bytes, held, comment)
            try expectBound(Immudb_Schema_KeyList.self, bytes, held, comment)
            try expectBound(Immudb_Schema_KeyValue.self, bytes, held, comment)
            try expectBound(Immudb_Schema_SafeSetSVOptions.self, bytes, held, comment)
        }
    }

    @Test("is a bound for large honest batches, and close to their size")
    func honestBatches() throws {
        for (count, byteCount) in [(100_000, 1), (100_000, 15), (1000, 5000), (1, 1 << 20)] {
            let list = Immudb_Schema_KVList.with {
                $0.kvs = (0..<count).map { number in
                    .with {
                        $0.key = Data("\(number)".utf8)
                        $0.value = Data(repeating: 7, count: byteCount)
                    }
                }
            }
            let bytes: [UInt8] = try list.serializedBytes()
            let bound = try size(Immudb_Schema_KVList.self, bytes, limit: count)
            let decoded = try Immudb_Schema_KVList(serializedBytes: bytes)
            #expect(bound.elementCount == count)
            #expect(bound.byteCount >= held(decoded))
            #expect(bound.byteCount <= 3 * held(decoded) + 1024)
        }
    }

    private func expectBound<Request: MeasuredRequest>(
        _ type: Request.Type, _ bytes: [UInt8], _ held: (Request) -> Int, _ comment: Comment
    ) throws {
        // A request that cannot be decoded holds nothing afterwards.
        guard let decoded = try? Request(serializedBytes: bytes) else { return }
        let bound = try size(type, bytes, limit: .max)
        #expect(bound.byteCount >= held(decoded), comment)
    }

    private func size<Request: MeasuredRequest>(
        _ type: Request.Type, _ bytes: [UInt8], limit: Int
    ) throws -> RequestSize {
        try bytes.withUnsafeBytes { try RequestSize(of: type, $0, elementLimit: limit) }
    }

    /// Returns the memory of bytes: more than 14 have an object of 80 bytes and memory of their
    /// own.
    private func held(_ data: Data) -> Int { data.count <= 14 ? 0 : data.count + 96 }

    private func held(_ item: Immudb_Schema_KeyValue) -> Int {
        held(item.key) + held(item.value) + held(item.unknownFields.data)
    }

    private func held(_ list: Immudb_Schema_KVList) -> Int {
        list.kvs.reduce(held(list.unknownFields.data)) { $0 + held($1) }
            + list.kvs.capacity * MemoryLayout<Immudb_Schema_KeyValue>.stride
    }

    private func held(_ list: Immudb_Schema_KeyList) -> Int {
        list.keys.reduce(held(list.unknownFields.data)) {
            $0 + held($1.key) + held($1.unknownFields.data)
        } + list.keys.capacity * MemoryLayout<Immudb_Schema_Key>.stride
    }

    private func held(_ item: Immudb_Schema_StructuredKeyValue) -> Int {
        held(item.key) + held(item.unknownFields.data) + held(item.value.payload)
            + held(item.value.unknownFields.data)
    }

    private func held(_ list: Immudb_Schema_SKVList) -> Int {
        list.skvs.reduce(held(list.unknownFields.data)) { $0 + held($1) }
            + list.skvs.capacity * MemoryLayout<Immudb_Schema_StructuredKeyValue>.stride
    }

    private func held(_ request: Immudb_Schema_SafeSetSVOptions) -> Int {
        held(request.skv) + held(request.unknownFields.data)
            + held(request.rootIndex.unknownFields.data)
    }

    // MARK: limits

    @Test("counts elements up to the limit, wherever they are among other fields")
    func elementLimit() throws {
        let element: [UInt8] = [0x0a, 0x00]
        let unknown: [UInt8] = [0x10, 0x07]
        let bytes = Array(repeatElement(element + unknown + element, count: 50).joined())
        #expect(try size(Immudb_Schema_KVList.self, bytes, limit: 100).elementCount == 100)
        #expect(throws: RequestSize.Excess.elements) {
            try size(Immudb_Schema_KVList.self, bytes, limit: 99)
        }
        // A group hides its content, and other wire types are not elements.
        let hidden = [0x2b] + bytes + [0x2c]
        #expect(try size(Immudb_Schema_KVList.self, hidden, limit: 0).elementCount == 0)
        #expect(try size(Immudb_Schema_KVList.self, [0x08, 0x01], limit: 0).elementCount == 0)
    }

    @Test("refuses early a large request with fields that take much more memory than bytes")
    func hostileRequests() throws {
        func many(_ bytes: [UInt8]) -> [UInt8] {
            var result = bytes
            while result.count < 4 << 20 { result += result }
            return result
        }
        let empties = many([0x0a, 0x00])
        let limit = 104_855
        #expect(throws: RequestSize.Excess.elements) {
            try size(Immudb_Schema_KVList.self, empties, limit: limit)
        }
        #expect(throws: RequestSize.Excess.elements) {
            try size(Immudb_Schema_SKVList.self, empties, limit: limit)
        }
        #expect(throws: RequestSize.Excess.elements) {
            try size(Immudb_Schema_KeyList.self, empties, limit: 838_860)
        }
        let useless: [[UInt8]] = [
            [0x50, 0x01], [0x52, 0x00], [0x53, 0x54], [0x55, 1, 2, 3, 4], [0x08, 0x01],
        ]
        for bytes in useless.map(many) {
            for type in Self.types {
                #expect(excess(type, bytes) == .uselessFields, "\(type)")
            }
        }
        // Repetitions of fields that a message has once, also in a message within it.
        #expect(throws: RequestSize.Excess.uselessFields) {
            try size(Immudb_Schema_KeyValue.self, empties, limit: 0)
        }
        #expect(throws: RequestSize.Excess.uselessFields) {
            try size(Immudb_Schema_SafeSetOptions.self, empties, limit: 0)
        }
        #expect(throws: RequestSize.Excess.uselessFields) {
            try size(Immudb_Schema_KVList.self, nested(many([0x50, 0x01])), limit: limit)
        }
        // One large unknown field, and ten large values of which the last one counts.
        let large = nested([UInt8](repeating: 1, count: 1 << 20))
        #expect(throws: RequestSize.Excess.uselessFields) {
            try size(Google_Protobuf_Empty.self, large, limit: 0)
        }
        #expect(throws: RequestSize.Excess.uselessFields) {
            try size(
                Immudb_Schema_Key.self, Array(repeatElement(large, count: 10).joined()), limit: 0)
        }
    }

    private func excess(_ type: any MeasuredRequest.Type, _ bytes: [UInt8]) -> RequestSize.Excess? {
        func open<Request: MeasuredRequest>(_ type: Request.Type) -> RequestSize.Excess? {
            do {
                _ = try size(type, bytes, limit: 0)
                return nil
            } catch {
                return error as? RequestSize.Excess
            }
        }
        return open(type)
    }

    /// Encodes bytes as field 1.
    private func nested(_ bytes: [UInt8]) -> [UInt8] {
        var head: [UInt8] = [0x0a]
        var rest = bytes.count
        while rest >= 0x80 {
            head.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return head + [UInt8(rest)] + bytes
    }

    @Test("accepts some fields of a later release, with each element")
    func laterRelease() throws {
        let element = nested([0x0a, 0x01, 0x6b, 0x50, 0x01, 0x5a, 0x02, 0x61, 0x62])
        let bytes = Array(repeatElement(element, count: 10_000).joined())
        #expect(try size(Immudb_Schema_KVList.self, bytes, limit: 10_000).elementCount == 10_000)
    }

    @Test("handles any bytes")
    func anyBytes() throws {
        var random = SplitMix64(seed: UInt64.random(in: 0 ... .max))
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...40, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            expectSome(Immudb_Schema_SKVList.self, bytes)
            expectSome(Immudb_Schema_SafeSetOptions.self, bytes)
        }
        let corpus: [[UInt8]] = [
            [0x0a], [0x0a, 0xff], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            [0x0a] + [UInt8](repeating: 0xff, count: 20), [UInt8](repeating: 0x80, count: 30),
            [UInt8](repeating: 0x0b, count: 100_000), [0x0c], [0x0f], [0x00, 0x00], [0x0d, 1, 2],
            [0x09, 1], [0xfa, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00],
        ]
        for bytes in corpus { expectSome(Immudb_Schema_KVList.self, bytes) }
    }

    private func expectSome(_ type: (some MeasuredRequest).Type, _ bytes: [UInt8]) {
        guard let size = try? size(type, bytes, limit: .max) else { return }
        #expect(size.byteCount > 0)
        #expect(size.elementCount <= bytes.count)
    }
}

extension SplitMix64 {
    /// Makes fields of small numbers and all wire types. Those with bytes may be messages again.
    fileprivate mutating func message(depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...6, using: &self) {
            let number = UInt8([1, 1, 1, 2, 2, 3, 9].randomElement(using: &self) ?? 1)
            switch Int.random(in: 0..<10, using: &self) {
            case 0: bytes += [number << 3, UInt8.random(in: 0..<0x80, using: &self)]
            case 1: bytes += [number << 3 | 1] + [UInt8](repeating: 1, count: 8)
            case 2: bytes += [number << 3 | 5] + [UInt8](repeating: 1, count: 4)
            case 3: bytes += [number << 3 | 3] + message(depth: 0) + [number << 3 | 4]
            case 4, 5:
                let count = [0, 1, 14, 15, 100].randomElement(using: &self) ?? 0
                bytes += [number << 3 | 2, UInt8(count)] + [UInt8](repeating: 0x0a, count: count)
            default:
                guard depth > 0 else { continue }
                let inner = message(depth: depth - 1)
                guard inner.count < 0x80 else { continue }
                bytes += [number << 3 | 2, UInt8(inner.count)] + inner
            }
        }
        return bytes
    }
}
