public import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
public import RPCTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension DatabaseService {
    func set(_ request: Immudb_Schema_KeyValue, _ call: ServerCall) {
        log.debug("set \(printable(request.key)) \(request.value.count) bytes", of: call)
        append(for: call) { [NewEntry(request)] }
    }

    func setBatch(_ request: Immudb_Schema_KVList, _ call: ServerCall) {
        log.debug("set batch of \(request.kvs.count) entries", of: call)
        append(for: call) { request.kvs.map(NewEntry.init) }
    }

    func safeSet(_ request: Immudb_Schema_SafeSetOptions, _ call: ServerCall) {
        log.debug("safeset \(printable(request.kv.key)) \(request.kv.value.count) bytes", of: call)
        appendProven(for: call, since: request.rootIndex) {
            guard request.hasKv else { throw Refusal.missing("kv") }
            return NewEntry(request.kv)
        }
    }

    // MARK: references and sorted sets

    func reference(_ request: Immudb_Schema_ReferenceOptions, _ call: ServerCall) {
        log.debug(
            "reference \(printable(request.reference)) to \(printable(request.key))", of: call)
        append(for: call) { [NewEntry(request)] }
    }

    func safeReference(_ request: Immudb_Schema_SafeReferenceOptions, _ call: ServerCall) {
        let (name, key) = (request.ro.reference, request.ro.key)
        log.debug("safereference \(printable(name)) to \(printable(key))", of: call)
        appendProven(for: call, since: request.rootIndex) {
            guard request.hasRo else { throw Refusal.missing("ro") }
            // SafeReference answers "invalid key" for either field; Reference answers "invalid reference" for the
            // name.
            try Limits.validate(key: key.allBytes)
            try Limits.validate(key: name.allBytes)
            return NewEntry(request.ro)
        }
    }

    func zAdd(_ request: Immudb_Schema_ZAddOptions, _ call: ServerCall) {
        log.debug(
            "zadd \(printable(request.set)) \(request.score) \(printable(request.key))", of: call)
        append(for: call) { [try NewEntry(request)] }
    }

    func safeZAdd(_ request: Immudb_Schema_SafeZAddOptions, _ call: ServerCall) {
        let options = request.zopts
        log.debug(
            "safezadd \(printable(options.set)) \(options.score) \(printable(options.key))",
            of: call)
        appendProven(for: call, since: request.rootIndex) {
            guard request.hasZopts else { throw Refusal.missing("zopts") }
            return try NewEntry(options)
        }
    }

    // MARK: all writes

    /// Appends one entry and answers with its proof.
    func appendProven(
        for call: ServerCall, since rootIndex: Immudb_Schema_Index, _ entry: () throws -> NewEntry
    ) {
        let checked: NewEntry
        do {
            checked = try entry()
        } catch {
            return refuse(call, Refusal(error))
        }
        operations.appendProven(checked, since: rootIndex.trustedLastIndex, for: call) {
            [self] result in
            switch result {
            case .success(let proof):
                call.noteEffect()
                call.reply(encodedProof(proof))
            case .failure(.refused(let error)):
                refuse(call, Refusal(error))
            case .failure(.notAppended(let error)):
                refuse(call, Refusal(ofWrite: error))
            case .failure(.storedUnproven(let index, let error)):
                call.noteEffect()
                refuse(call, Refusal(storedAt: index, unprovable: error))
            }
        }
    }

    /// Appends entries and answers with the index of the last one, on the database's publisher,
    /// once the entries are durable and visible. A failure after that must not get a status that
    /// says that nothing was stored.
    ///
    /// - Parameter entries: makes the entries of the request. An error that it throws is the
    ///   answer.
    func append(for call: ServerCall, _ entries: () throws -> [NewEntry]) {
        let checked: [NewEntry]
        do {
            checked = try entries()
        } catch {
            return refuse(call, Refusal(error))
        }
        operations.append(checked, for: call) { [self] result in
            switch result {
            case .success(let appended):
                call.noteEffect()
                call.reply(Immudb_Schema_Index(appended.last))
            case .failure(let error):
                refuse(call, Refusal(ofWrite: error))
            }
        }
    }
}

/// The calls of a connection share the connection's turns before the committer.
extension ServerCall: Caller {
    public var hasGone: Bool { isCancelled }
}

extension NewEntry {
    fileprivate init(_ item: Immudb_Schema_KeyValue) {
        self.init(key: item.key.allBytes, value: item.value.allBytes)
    }

    fileprivate init(_ options: Immudb_Schema_ReferenceOptions) {
        self = .reference(options.reference.allBytes, to: options.key.allBytes)
    }

    fileprivate init(_ options: Immudb_Schema_ZAddOptions) throws(StoreError) {
        self = try .member(
            options.key.allBytes, of: options.set.allBytes, score: options.score)
    }
}
