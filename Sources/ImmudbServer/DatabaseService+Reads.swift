import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension DatabaseService {
    func get(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerEntry(call) { try get(request, as: .plain, for: call) }
    }

    func get(
        _ request: Immudb_Schema_Key, as form: ItemForm, for call: ServerCall
    ) throws -> EntryRead {
        try located(request.key, "get", as: form, for: call) { key throws(StoreError) in
            try operations.get(key)
        }
    }

    func safeGet(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        answerEntry(call) { try safeGet(request, as: .plain, for: call) }
    }

    func safeGet(
        _ request: Immudb_Schema_SafeGetOptions, as form: ItemForm, for call: ServerCall
    ) throws -> EntryRead {
        try located(request.key, "safeget", as: form, for: call) { key throws(StoreError) in
            try operations.getProven(key, since: request.rootIndex.trustedLastIndex)
        }
    }

    /// Locates the newest entry of a key. Logs a failure.
    private func located(
        _ key: Data, _ name: StaticString, as form: ItemForm, for call: ServerCall,
        _ locate: ([UInt8]) throws(StoreError) -> PendingRead
    ) throws(StoreError) -> EntryRead {
        let key = key.allBytes
        do throws(StoreError) {
            return EntryRead(pending: try locate(key), form: form, logged: (name, key))
        } catch {
            log.debug(
                "\(name) \(printable(key)): \(error.code == .keyNotFound ? "item not found" : Refusal(error).message)",
                of: call)
            throw error
        }
    }

    func getBatch(_ request: Immudb_Schema_KeyList, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .plain, for: call).list() }
    }

    func items(
        of request: Immudb_Schema_KeyList, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        log.debug("get batch of \(request.keys.count) keys", of: call)
        return try encodedItems(as: form, tooLarge: "ask for fewer keys at a time") { page in
            try operations.get(
                many: request.keys.lazy.map { $0.key.allBytes }, for: call, page: page)
        }
    }

    func byIndex(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answerEntry(call) { try entry(at: request, as: .plain, for: call) }
    }

    func entry(
        at request: Immudb_Schema_Index, as form: ItemForm, for call: ServerCall
    ) throws -> EntryRead {
        let index = EntryIndex(request.index)
        log.debug("by index \(index)", of: call)
        return EntryRead(pending: try operations.entry(at: index), form: form)
    }

    func history(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerVersions(of: request, as: .plain, call)
    }

    /// Answers with the versions of a key, newest first, as many as fit into the largest answer.
    /// 0.6 cannot request the rest of a longer history: here a trailer says that more versions
    /// exist, and a header requests them.
    func answerVersions(of request: Immudb_Schema_Key, as form: ItemForm, _ call: ServerCall) {
        log.debug("history \(printable(request.key))", of: call)
        do {
            let end = try call.metadata.first(ImmuMetadata.beforeIndex).map { text in
                guard let index = UInt64(text) else {
                    throw Refusal(.invalidArgument, "\(ImmuMetadata.beforeIndex) is not an index")
                }
                return EntryIndex(index)
            }
            var hasMore = false
            let items = try encodedItems(as: form) { page in
                hasMore = try operations.versions(
                    of: request.key.allBytes, before: end, for: call, page: page)
            }
            call.reply(items.list(), trailers: hasMore ? [ImmuMetadata.hasMore: "1"] : [:])
        } catch {
            refuse(call, Refusal(error))
        }
    }
}
