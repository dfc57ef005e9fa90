import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport
import SwiftProtobuf

extension DatabaseService {
    /// What a limit of 0 means, as it always did.
    private static let defaultLimit = 104_857

    func scan(_ request: Immudb_Schema_ScanOptions, _ call: ServerCall) {
        answerBytes(call) { encodedItemList(try entries(of: request)) }
    }

    /// As many as the limit and the largest answer allow: clients go on after the last key.
    func entries(of request: Immudb_Schema_ScanOptions) throws -> [Entry] {
        log.debug("scan \(printable(request.prefix)) limit \(request.limit)")
        return try database.snapshot.scan(
            prefix: Array(request.prefix), after: Array(request.offset),
            limit: Self.limit(request.limit), reverse: request.reverse, deep: request.deep,
            byteLimit: maxAnswerByteCount)
    }

    func zScan(_ request: Immudb_Schema_ZScanOptions, _ call: ServerCall) {
        answerBytes(call) { encodedItemList(try entries(of: request)) }
    }

    /// The newest entries of a set's members; their scores have no place on the wire.
    func entries(of request: Immudb_Schema_ZScanOptions) throws -> [Entry] {
        log.debug("zscan \(printable(request.set)) limit \(request.limit)")
        let members = try database.snapshot.members(
            of: Array(request.set), after: Array(request.offset),
            limit: Self.limit(request.limit), reverse: request.reverse,
            byteLimit: maxAnswerByteCount)
        return members.map(\.entry)
    }

    private static func limit(_ limit: UInt64) -> Int {
        limit == 0 ? defaultLimit : Int(clamping: limit)
    }

    func count(_ request: Immudb_Schema_KeyPrefix, _ call: ServerCall) {
        answer(call) {
            log.debug("count \(printable(request.prefix))")
            guard !request.prefix.isEmpty else { throw Refusal.invalidPrefix }
            let count = try database.snapshot.count(prefix: Array(request.prefix)) {
                call.isCancelled
            }
            try requireCaller(of: call)
            return Immudb_Schema_ItemsCount.with { $0.count = count }
        }
    }

    // MARK: in insertion order

    func iScan(_ request: Immudb_Schema_IScanOptions, _ call: ServerCall) {
        answerBytes(call) {
            let page = try page(of: request)
            return encodedPage(page.entries, hasMore: page.hasMore)
        }
    }

    /// A page of the history. Too large a one is an error: a page cut short would leave entries out
    /// that no other page has.
    func page(
        of request: Immudb_Schema_IScanOptions
    ) throws -> (entries: [Entry], hasMore: Bool) {
        log.debug("iscan page \(request.pageNumber) of \(request.pageSize) entries")
        let snapshot = database.snapshot
        let size = snapshot.size.rawValue
        let (first, isBeyond) = (request.pageNumber > 1 ? request.pageNumber - 1 : 0)
            .multipliedReportingOverflow(by: request.pageSize)
        guard !isBeyond, first < size else { throw Refusal.indexNotFound }
        let count = min(max(1, request.pageSize), size - first)
        let entries = try snapshot.entries(
            from: EntryIndex(first), limit: Int(clamping: count), byteLimit: maxAnswerByteCount)
        guard entries.count == Int(clamping: count) else {
            throw Refusal.tooLargeAnswer(maxAnswerByteCount, "ask for smaller pages")
        }
        return (entries, first + count < size)
    }
}
