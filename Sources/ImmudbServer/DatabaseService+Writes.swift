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
    func set(_ request: Immudb_Schema_KeyValue, _ call: ServerCall) {
        log.debug("set \(printable(request.key)) \(request.value.count) bytes")
        append([NewEntry(request)], for: call) { appended in
            call.reply(Immudb_Schema_Index(appended.last))
        }
    }

    func setBatch(_ request: Immudb_Schema_KVList, _ call: ServerCall) {
        log.debug("set batch of \(request.kvs.count) entries")
        append(request.kvs.map(NewEntry.init), for: call) { appended in
            call.reply(Immudb_Schema_Index(appended.last))
        }
    }

    /// Everything is checked before anything is written: a call that is refused leaves no entry.
    func safeSet(_ request: Immudb_Schema_SafeSetOptions, _ call: ServerCall) {
        let entry = NewEntry(request.kv)
        let trusted: TreeSize
        do {
            guard request.hasKv else { throw Refusal.missing("kv") }
            try Limits.validate(newKey: entry.key)
            trusted = try TreeSize(trustedRootIndex: request.rootIndex, in: database.snapshot)
        } catch {
            return refuse(call, Refusal(error))
        }
        log.debug("safeset \(printable(entry.key)) \(entry.value.count) bytes")
        append([entry], for: call) { appended in
            proofs.run {
                answerBytes(call) {
                    encodedProof(try appended.snapshot.proof(of: appended.last, since: trusted))
                }
            }
        }
    }

    /// Hands entries to the database, unless the caller has gone. `success` runs on the database's
    /// publisher, after the entries are durable and visible, and must not block.
    private func append(
        _ entries: [NewEntry], for call: ServerCall,
        success: @escaping @Sendable (Appended) -> Void
    ) {
        guard !call.isCancelled else { return }
        database.append(entries) { result in
            switch result {
            case .success(let appended): success(appended)
            case .failure(let error): refuse(call, Refusal(error))
            }
        }
    }
}

extension NewEntry {
    fileprivate init(_ item: Immudb_Schema_KeyValue) {
        self.init(key: Array(item.key), value: Array(item.value))
    }
}
