import Foundation
import ImmudbProtocol
import RPCTransport
import SwiftProtobuf

// Calls on data for tests: references, sorted sets, walks, structured values.

extension TestServer {
    @discardableResult
    func reference(_ name: String, to key: String) async throws -> UInt64 {
        try await call(
            ImmuService.reference, referenceOptions(name, key), as: Immudb_Schema_Index.self
        ).index
    }

    @discardableResult
    func zAdd(_ member: String, to set: String, _ score: Double) async throws -> UInt64 {
        try await call(
            ImmuService.zAdd, zAddOptions(set, score, member), as: Immudb_Schema_Index.self
        ).index
    }

    func scan(
        _ prefix: String = "", after: Data = Data(), limit: UInt64 = 0, reverse: Bool = false,
        deep: Bool = false
    ) async throws -> [Immudb_Schema_Item] {
        let request = Immudb_Schema_ScanOptions.with {
            $0.prefix = Data(prefix.utf8)
            $0.offset = after
            $0.limit = limit
            $0.reverse = reverse
            $0.deep = deep
        }
        return try await call(ImmuService.scan, request, as: Immudb_Schema_ItemList.self).items
    }

    func zScan(
        _ set: String, after: Data = Data(), limit: UInt64 = 0, reverse: Bool = false
    ) async throws -> [String] {
        let request = Immudb_Schema_ZScanOptions.with {
            $0.set = Data(set.utf8)
            $0.offset = after
            $0.limit = limit
            $0.reverse = reverse
        }
        return try await call(ImmuService.zScan, request, as: Immudb_Schema_ItemList.self)
            .items.map(\.text)
    }

    func count(_ prefix: String) async throws -> UInt64 {
        let request = Immudb_Schema_KeyPrefix.with { $0.prefix = Data(prefix.utf8) }
        return try await call(ImmuService.count, request, as: Immudb_Schema_ItemsCount.self).count
    }

    func iScan(page: UInt64, size: UInt64) async throws -> Immudb_Schema_Page {
        try await call(ImmuService.iScan, iScanOptions(page: page, size: size))
    }

    func setStructured(_ key: String, _ timestamp: UInt64, _ payload: String) async throws {
        let _: Immudb_Schema_Index = try await call(
            ImmuService.setSV, structured(key, timestamp, payload))
    }

    func dump() async throws -> [Pb_KV] {
        let answers: RPCResponseStream<Pb_KVList> = try await client.serverStreaming(
            ImmuService.dump, Google_Protobuf_Empty())
        var entries: [Pb_KV] = []
        for try await message in answers { entries += message.kv }
        return entries
    }
}

extension Immudb_Schema_Item {
    /// The key of an entry whose key is text.
    var text: String { String(decoding: key, as: UTF8.self) }
}

func referenceOptions(_ name: String, _ key: String) -> Immudb_Schema_ReferenceOptions {
    .with {
        $0.reference = Data(name.utf8)
        $0.key = Data(key.utf8)
    }
}

func zAddOptions(_ set: String, _ score: Double, _ member: String) -> Immudb_Schema_ZAddOptions {
    .with {
        $0.set = Data(set.utf8)
        $0.score = score
        $0.key = Data(member.utf8)
    }
}

func iScanOptions(page: UInt64, size: UInt64) -> Immudb_Schema_IScanOptions {
    .with {
        $0.pageNumber = page
        $0.pageSize = size
    }
}

func structured(
    _ key: String, _ timestamp: UInt64, _ payload: String
) -> Immudb_Schema_StructuredKeyValue {
    .with {
        $0.key = Data(key.utf8)
        $0.value.timestamp = timestamp
        $0.value.payload = Data(payload.utf8)
    }
}

/// The key under which a sorted set's entry is stored.
func setEntryKey(_ set: String, _ score: Double, _ member: String) -> Data {
    Data(set.utf8) + withUnsafeBytes(of: score.bitPattern.bigEndian) { Data($0) }
        + Data(member.utf8)
}
