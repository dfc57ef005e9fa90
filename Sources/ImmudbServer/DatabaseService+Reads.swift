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
        try found(request.key, "get", entry: { $0 }) { key in
            try database.snapshot.get(key, upTo: byteLimit).get()
        }
    }

    /// What a key is looked up for; the log says what came of it.
    ///
    /// - Parameter call: its name in the log.
    private func found<Found>(
        _ key: Data, _ call: String, entry: (Found) -> Entry,
        _ lookUp: ([UInt8]) throws -> Found?
    ) throws -> Found {
        let found: Found?
        do {
            found = try lookUp(validated(key))
        } catch let large as LargeEntry {
            // It is looked up again, and logged then.
            throw large
        } catch {
            log.debug("\(call) \(printable(key)): \(Refusal(error).message)")
            throw error
        }
        guard let found else {
            log.debug("\(call) \(printable(key)): item not found")
            throw Refusal.keyNotFound
        }
        log.debug("\(call) \(printable(key)) \(entry(found).value.count) bytes")
        return found
    }

    func safeGet(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        answerEntry(request, call) { encodedSafeItem(try $0.provenEntry(of: $1, upTo: $2)) }
    }

    /// Entry and proof are of one snapshot. The proof is that of the entry returned: of a
    /// reference's target.
    func provenEntry(
        of request: Immudb_Schema_SafeGetOptions, upTo byteLimit: Int
    ) throws -> ProvenEntry {
        try found(request.key, "safeget", entry: \.entry) { key in
            let snapshot = database.snapshot
            let trusted = try TreeSize(trustedRootIndex: request.rootIndex, in: snapshot)
            // An empty tree holds no tree of one entry, which is what no root index means.
            let since = min(trusted, snapshot.size)
            return try snapshot.provenGet(key, since: since, upTo: byteLimit).get()
        }
    }

    func getBatch(_ request: Immudb_Schema_KeyList, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .plain, for: call).list() }
    }

    /// Newest entries of the keys asked for, in their order and of one snapshot; those that are not
    /// there are left out. Too large an answer is an error, since one cut short would look like
    /// missing keys.
    func items(
        of request: Immudb_Schema_KeyList, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        log.debug("get batch of \(request.keys.count) keys")
        for key in request.keys { _ = try validated(key.key) }
        let snapshot = database.snapshot
        var room = AnswerRoom(byteLimit: maxAnswerByteCount)
        var items = EncodedItems(as: form)
        var page: [Entry] = []
        var pageByteCount = 0
        func endPage() throws {
            if form == .structured { try requireStructured(page) }
            items.append(page)
            page = []
            pageByteCount = 0
        }
        for key in request.keys {
            try requireCaller(of: call)
            guard let entry = try snapshot.get(Array(key.key)) else { continue }
            guard room.take(entry) else {
                throw Refusal.tooLargeAnswer(maxAnswerByteCount, "ask for fewer keys at a time")
            }
            page.append(entry)
            pageByteCount += entry.key.count + entry.value.count
            if page.count == 256 || pageByteCount > 1 << 20 { try endPage() }
        }
        try endPage()
        return items
    }

    func byIndex(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answerEntry(request, call) { encodedItem(try $0.entry(at: $1, upTo: $2)) }
    }

    func entry(at request: Immudb_Schema_Index, upTo byteLimit: Int) throws -> Entry {
        let index = EntryIndex(request.index)
        // A large one is looked up again, and logged then.
        if byteLimit == .max { return try database.snapshot.entry(at: index) }
        log.debug("by index \(index)")
        return try database.snapshot.entry(at: index, upTo: byteLimit).get()
    }

    func history(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerBytes(call) { try versions(of: request, as: .plain, for: call).list() }
    }

    /// All versions of a key, the newest first, as many as the largest answer holds: older ones of
    /// a longer history are left out, since this call has no way to ask for the rest.
    func versions(
        of request: Immudb_Schema_Key, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        log.debug("history \(printable(request.key))")
        let walk = try database.snapshot.versionWalk(
            of: Array(request.key), room: AnswerRoom(byteLimit: maxAnswerByteCount))
        return try encodedItems(of: walk, as: form, for: call)
    }

    func validated(_ key: Data) throws(StoreError) -> [UInt8] {
        let key = key.withUnsafeBytes { [UInt8]($0) }
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
