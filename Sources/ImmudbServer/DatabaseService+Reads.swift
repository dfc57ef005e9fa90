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
        answerEntry(call) { try newest(of: request, as: .plain) }
    }

    func newest(of request: Immudb_Schema_Key, as form: ItemForm) throws -> EntryRead {
        let (snapshot, name) = (database.snapshot, "get" as StaticString)
        let (key, location) = try located(request.key, name) { key in try snapshot.locate(key) }
        return EntryRead(
            snapshot: snapshot, location: location, form: form, logged: (name, key))
    }

    func safeGet(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        answerEntry(call) { try newestProven(of: request, as: .plain) }
    }

    /// Entry and proof are of one snapshot. The proof is that of the entry returned: of a
    /// reference's target.
    func newestProven(
        of request: Immudb_Schema_SafeGetOptions, as form: ItemForm
    ) throws -> EntryRead {
        let (snapshot, name) = (database.snapshot, "safeget" as StaticString)
        var since = TreeSize(0)
        let (key, location) = try located(request.key, name) { key in
            let trusted = try TreeSize(trustedRootIndex: request.rootIndex, in: snapshot)
            // An empty tree holds no tree of one entry, which is what no root index means.
            since = min(trusted, snapshot.size)
            return try snapshot.locate(key)
        }
        return EntryRead(
            snapshot: snapshot, location: location, form: form, since: since, logged: (name, key))
    }

    /// Locates the newest entry of a key, and logs why if it cannot.
    private func located(
        _ key: Data, _ name: StaticString, _ locate: ([UInt8]) throws -> EntryLocation?
    ) throws -> (key: [UInt8], location: EntryLocation) {
        do {
            let key = try validated(key)
            guard let location = try locate(key) else {
                log.debug("\(name) \(printable(key)): item not found")
                throw Refusal.keyNotFound
            }
            return (key, location)
        } catch let error as StoreError {
            log.debug("\(name) \(printable(key)): \(Refusal(error).message)")
            throw error
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
        answerEntry(call) { try entry(at: request, as: .plain) }
    }

    func entry(at request: Immudb_Schema_Index, as form: ItemForm) throws -> EntryRead {
        let (snapshot, index) = (database.snapshot, EntryIndex(request.index))
        log.debug("by index \(index)")
        return EntryRead(
            snapshot: snapshot, location: try snapshot.locate(at: index), form: form)
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
