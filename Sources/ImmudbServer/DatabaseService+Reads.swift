import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension DatabaseService {
    func get(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerEntry(request, call) { encodedItem(try $0.newestEntry(of: $1, upTo: $2)) }
    }

    func newestEntry(of request: Immudb_Schema_Key, upTo byteLimit: Int) throws -> Entry {
        let key = try validated(request.key)
        let entry = try database.snapshot.get(key, upTo: byteLimit).get()
        log.debug("get \(printable(key)) \(entry?.value.count ?? 0) bytes")
        guard let entry else { throw Refusal.keyNotFound }
        return entry
    }

    func safeGet(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        answerEntry(request, call) { encodedSafeItem(try $0.provenEntry(of: $1, upTo: $2)) }
    }

    /// Entry and proof are of one snapshot. The proof is that of the entry returned: of a
    /// reference's target.
    func provenEntry(
        of request: Immudb_Schema_SafeGetOptions, upTo byteLimit: Int
    ) throws -> ProvenEntry {
        let snapshot = database.snapshot
        let key = try validated(request.key)
        let trusted = try TreeSize(trustedRootIndex: request.rootIndex, in: snapshot)
        // An empty tree holds no tree of one entry, which is what no root index means.
        let since = min(trusted, snapshot.size)
        let proven = try snapshot.provenGet(key, since: since, upTo: byteLimit).get()
        log.debug("safeget \(printable(key)) \(proven?.entry.value.count ?? 0) bytes")
        guard let proven else { throw Refusal.keyNotFound }
        return proven
    }

    func getBatch(_ request: Immudb_Schema_KeyList, _ call: ServerCall) {
        answerBytes(call) { encodedItemList(try entries(of: request, for: call)) }
    }

    /// Newest entries of the keys asked for, in their order and of one snapshot; those that are not
    /// there are left out. Too large an answer is an error, since one cut short would look like
    /// missing keys.
    func entries(
        of request: Immudb_Schema_KeyList, for call: ServerCall
    ) throws -> [Entry] {
        let keys = try request.keys.map { try validated($0.key) }
        log.debug("get batch of \(keys.count) keys")
        let snapshot = database.snapshot
        var room = AnswerRoom(byteLimit: maxAnswerByteCount)
        var entries: [Entry] = []
        for key in keys {
            try requireCaller(of: call)
            guard let entry = try snapshot.get(key) else { continue }
            guard room.take(entry) else {
                throw Refusal.tooLargeAnswer(maxAnswerByteCount, "ask for fewer keys at a time")
            }
            entries.append(entry)
        }
        return entries
    }

    func byIndex(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answerEntry(request, call) { encodedItem(try $0.entry(at: $1, upTo: $2)) }
    }

    func entry(at request: Immudb_Schema_Index, upTo byteLimit: Int) throws -> Entry {
        let index = EntryIndex(request.index)
        log.debug("by index \(index)")
        return try database.snapshot.entry(at: index, upTo: byteLimit).get()
    }

    func history(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerBytes(call) { encodedItemList(try versions(of: request)) }
    }

    /// All versions of a key, the newest first, as many as the largest answer holds: older ones of
    /// a longer history are left out, since this call has no way to ask for the rest.
    func versions(of request: Immudb_Schema_Key) throws -> [Entry] {
        log.debug("history \(printable(request.key))")
        return try database.snapshot.history(
            of: Array(request.key), byteLimit: maxAnswerByteCount)
    }

    func validated(_ key: Data) throws(StoreError) -> [UInt8] {
        let key = Array(key)
        try Limits.validate(key: key)
        return key
    }
}

extension DatabaseService {
    /// Ends work for a caller that has gone.
    func requireCaller(of call: ServerCall) throws(Refusal) {
        if call.isCancelled { throw Refusal(.cancelled, "the caller has gone") }
    }
}
