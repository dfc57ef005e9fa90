import ImmudbProtocol
import ImmudbStore
import MerkleTree
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
        log.debug("scan \(printable(request.prefix)) limit \(request.limit)")
        let walk = try database.snapshot.keyScan(
            prefix: Array(request.prefix), after: Array(request.offset), reverse: request.reverse,
            deep: request.deep, room: room(limit: request.limit))
        return try encodedItems(of: walk, as: form, for: call)
    }

    func zScan(_ request: Immudb_Schema_ZScanOptions, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .plain, for: call).list() }
    }

    /// The newest entries of a set's members; their scores have no place on the wire.
    func items(
        of request: Immudb_Schema_ZScanOptions, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        log.debug("zscan \(printable(request.set)) limit \(request.limit)")
        let walk = try database.snapshot.memberScan(
            of: Array(request.set), after: Array(request.offset), reverse: request.reverse,
            room: room(limit: request.limit))
        return try encodedItems(of: walk, as: form, for: call)
    }

    private func room(limit: UInt64) -> AnswerRoom {
        AnswerRoom(
            limit: limit == 0 ? Self.defaultLimit : Int(clamping: limit),
            byteLimit: maxAnswerByteCount)
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
            let page = try page(of: request, as: .plain, for: call)
            return page.items.page(hasMore: page.hasMore)
        }
    }

    /// A page of the history. Too large a one is an error: a page cut short would leave entries out
    /// that no other page has.
    func page(
        of request: Immudb_Schema_IScanOptions, as form: ItemForm, for call: ServerCall
    ) throws -> (items: EncodedItems, hasMore: Bool) {
        log.debug("iscan page \(request.pageNumber) of \(request.pageSize) entries")
        let snapshot = database.snapshot
        let size = snapshot.size.rawValue
        let (first, isBeyond) = (request.pageNumber > 1 ? request.pageNumber - 1 : 0)
            .multipliedReportingOverflow(by: request.pageSize)
        guard !isBeyond, first < size else { throw Refusal.indexNotFound }
        let count = min(max(1, request.pageSize), size - first)
        let walk = snapshot.indexWalk(
            from: EntryIndex(first),
            room: AnswerRoom(limit: Int(clamping: count), byteLimit: maxAnswerByteCount))
        let items = try encodedItems(of: walk, as: form, for: call)
        guard items.count == Int(clamping: count) else {
            throw Refusal.tooLargeAnswer(maxAnswerByteCount, "ask for smaller pages")
        }
        return (items, first + count < size)
    }
}
