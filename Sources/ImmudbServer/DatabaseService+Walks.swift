import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf

extension DatabaseService {
    /// What a limit of 0 means, as it always did.
    private static let defaultLimit = 104_857

    func scan(_ request: Immudb_Schema_ScanOptions, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .plain, for: call).list() }
    }

    /// As many as the limit and the largest answer allow: clients go on after the last key.
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

    /// The newest entries of a set's members; their scores have no place on the wire.
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

    /// A page of the history; pages are numbered from 1, and 0 is the first one, too.
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
