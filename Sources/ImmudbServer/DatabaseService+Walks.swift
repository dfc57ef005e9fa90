import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf

extension DatabaseService {
    /// The limit of a request that asks for 0 entries, as in 0.6.
    private static let defaultLimit = 104_857

    func scan(_ request: Immudb_Schema_ScanOptions, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .plain, for: call).list() }
    }

    /// Encodes as many entries as the limit and the largest answer allow. Clients request the next
    /// ones after the last key.
    func items(
        of request: Immudb_Schema_ScanOptions, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        log.debug("scan \(printable(request.prefix)) limit \(request.limit)", of: call)
        return try encodedItems(as: form) { page in
            try operations.scan(
                prefix: request.prefix.allBytes, after: request.offset.allBytes,
                limit: Self.entryLimit(request.limit), reverse: request.reverse,
                deep: request.deep, for: call, page: page)
        }
    }

    func zScan(_ request: Immudb_Schema_ZScanOptions, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .plain, for: call).list() }
    }

    /// Encodes the newest entries of a set's members. The wire has no field for their scores.
    func items(
        of request: Immudb_Schema_ZScanOptions, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        log.debug("zscan \(printable(request.set)) limit \(request.limit)", of: call)
        return try encodedItems(as: form) { page in
            try operations.members(
                of: request.set.allBytes, after: request.offset.allBytes,
                limit: Self.entryLimit(request.limit), reverse: request.reverse, for: call,
                page: page)
        }
    }

    private static func entryLimit(_ limit: UInt64) -> Int {
        limit == 0 ? defaultLimit : Int(clamping: limit)
    }

    func count(_ request: Immudb_Schema_KeyPrefix, _ call: ServerCall) {
        answer(call) {
            log.debug("count \(printable(request.prefix))", of: call)
            let count = try operations.count(prefix: request.prefix.allBytes, for: call)
            return Immudb_Schema_ItemsCount.with { $0.count = count }
        }
    }

    // MARK: in insertion order

    func iScan(_ request: Immudb_Schema_IScanOptions, _ call: ServerCall) {
        answerBytes(call) {
            let page = try page(of: request, as: .plain, for: call)
            return page.items.page(hasMore: page.hasMore)
        }
    }

    /// Encodes a page of all entries in insertion order. Pages are numbered from 1; 0 is also the
    /// first.
    func page(
        of request: Immudb_Schema_IScanOptions, as form: ItemForm, for call: ServerCall
    ) throws -> (items: EncodedItems, hasMore: Bool) {
        log.debug("iscan page \(request.pageNumber) of \(request.pageSize) entries", of: call)
        let (first, isBeyond) = (request.pageNumber > 1 ? request.pageNumber - 1 : 0)
            .multipliedReportingOverflow(by: request.pageSize)
        guard !isBeyond else { throw Refusal.indexNotFound }
        var hasMore = false
        let items = try encodedItems(as: form, tooLarge: "ask for smaller pages") { page in
            hasMore = try operations.entries(
                from: EntryIndex(first), count: max(1, request.pageSize), for: call, page: page)
        }
        return (items, hasMore)
    }
}
