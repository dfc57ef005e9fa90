import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// The methods whose names end in SV do the same as the plain methods, with values that consist of a
// client's time and a payload. The server stores the encoding of `Content`, so both use the same
// entries. Methods here refuse a value that is not a `Content`; plain methods read it.

extension DatabaseService {
    func setStructured(_ request: Immudb_Schema_StructuredKeyValue, _ call: ServerCall) {
        log.debug("set \(printable(request.key)) structured", of: call)
        append(for: call) { [try NewEntry(request)] }
    }

    func setBatchStructured(_ request: Immudb_Schema_SKVList, _ call: ServerCall) {
        log.debug("set batch of \(request.skvs.count) structured entries", of: call)
        append(for: call) { try request.skvs.map(NewEntry.init) }
    }

    func safeSetStructured(_ request: Immudb_Schema_SafeSetSVOptions, _ call: ServerCall) {
        log.debug("safeset \(printable(request.skv.key)) structured", of: call)
        appendProven(for: call, since: request.rootIndex) {
            guard request.hasSkv else { throw Refusal.missing("skv") }
            return try NewEntry(request.skv)
        }
    }

    // MARK: reading

    func getStructured(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerEntry(call) { try get(request, as: .structured, for: call) }
    }

    func safeGetStructured(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        answerEntry(call) { try safeGet(request, as: .structured, for: call) }
    }

    func byIndexStructured(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answerEntry(call) { try entry(at: request, as: .structured, for: call) }
    }

    func getBatchStructured(_ request: Immudb_Schema_KeyList, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .structured, for: call).list() }
    }

    func historyStructured(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        answerVersions(of: request, as: .structured, call)
    }

    func scanStructured(_ request: Immudb_Schema_ScanOptions, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .structured, for: call).list() }
    }

    func zScanStructured(_ request: Immudb_Schema_ZScanOptions, _ call: ServerCall) {
        answerBytes(call) { try items(of: request, as: .structured, for: call).list() }
    }

    func iScanStructured(_ request: Immudb_Schema_IScanOptions, _ call: ServerCall) {
        answerBytes(call) {
            let page = try page(of: request, as: .structured, for: call)
            return page.items.page(number: request.pageNumber, hasMore: page.hasMore)
        }
    }
}

extension NewEntry {
    /// - Throws: `missing value` if the message has no value, which differs from an empty one.
    fileprivate init(_ item: Immudb_Schema_StructuredKeyValue) throws(Refusal) {
        guard item.hasValue else { throw Refusal.missing("value") }
        self.init(key: item.key.allBytes, value: item.value.storedValue)
    }
}
