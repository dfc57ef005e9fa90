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
        answerBytes(call) {
            let key = try validated(request.key)
            let entry = try database.snapshot.get(key)
            log.debug("get \(printable(key)) \(entry?.value.count ?? 0) bytes")
            guard let entry else { throw Refusal.keyNotFound }
            return encodedItem(entry)
        }
    }

    /// Item and proof are of one snapshot. The proof is that of the entry returned: of a
    /// reference's target.
    func safeGet(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        answerBytes(call) {
            let snapshot = database.snapshot
            let key = try validated(request.key)
            let trusted = try TreeSize(trustedRootIndex: request.rootIndex, in: snapshot)
            // An empty tree holds no tree of one entry, which is what no root index means.
            let since = min(trusted, snapshot.size)
            let proven = try snapshot.provenGet(key, since: since)
            log.debug("safeget \(printable(key)) \(proven?.entry.value.count ?? 0) bytes")
            guard let proven else { throw Refusal.keyNotFound }
            return encodedSafeItem(proven)
        }
    }

    /// Newest items of the keys asked for, in their order and of one snapshot; those that are not
    /// there are left out. Too large an answer is an error, since one cut short would look like
    /// missing keys.
    func getBatch(_ request: Immudb_Schema_KeyList, _ call: ServerCall) {
        answer(call) {
            let keys = try request.keys.map { try validated($0.key) }
            log.debug("get batch of \(keys.count) keys")
            let snapshot = database.snapshot
            var budget = AnswerBudget(byteCount: maxAnswerByteCount)
            var answer = Immudb_Schema_ItemList()
            for key in keys {
                guard !call.isCancelled else { throw Refusal(.cancelled, "the caller has gone") }
                guard let entry = try snapshot.get(key) else { continue }
                guard budget.spend(on: entry) else {
                    throw Refusal(
                        .resourceExhausted,
                        "the items exceed the largest answer of \(maxAnswerByteCount) bytes: "
                            + "ask for fewer keys at a time")
                }
                answer.items.append(Immudb_Schema_Item(entry))
            }
            return answer
        }
    }

    func byIndex(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answerBytes(call) {
            let snapshot = database.snapshot
            let index = EntryIndex(request.index)
            log.debug("by index \(index)")
            guard snapshot.size.contains(index) else { throw Refusal.indexNotFound }
            return encodedItem(try snapshot.entry(at: index))
        }
    }

    /// All versions of a key, the newest first, as many as the largest answer holds: older ones of
    /// a longer history are left out, since this call has no way to ask for the rest.
    func history(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answer(call) {
            let key = try validated(request.key)
            log.debug("history \(printable(key))")
            let snapshot = database.snapshot
            var budget = AnswerBudget(byteCount: maxAnswerByteCount)
            var answer = Immudb_Schema_ItemList()
            var before: EntryIndex?
            while !call.isCancelled {
                // Few at a time: no more than these are ever in memory beyond the budget.
                let versions = try snapshot.history(of: key, limit: 8, before: before)
                for entry in versions {
                    guard budget.spend(on: entry) else { return answer }
                    answer.items.append(Immudb_Schema_Item(entry))
                }
                guard let last = versions.last else { break }
                before = last.index
            }
            return answer
        }
    }

    private func validated(_ key: Data) throws(StoreError) -> [UInt8] {
        let key = Array(key)
        try Limits.validate(key: key)
        return key
    }
}

/// Counts the bytes of an answer's items against the largest message, so that an answer neither
/// exhausts the server's memory nor exceeds what a client receives.
struct AnswerBudget {
    private var left: Int

    init(byteCount: Int) {
        left = byteCount
    }

    /// - Returns: false if the entry no longer fits.
    mutating func spend(on entry: Entry) -> Bool {
        // Beyond key and value: 4 tags, 3 lengths and the index, of at most 1, 5 and 10 bytes each.
        let cost = entry.key.count + entry.value.count + 29
        guard cost <= left else { return false }
        left -= cost
        return true
    }
}
