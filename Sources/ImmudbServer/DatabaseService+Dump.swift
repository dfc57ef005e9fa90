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

extension DatabaseService {
    /// The most bytes of entries in one message. What clients take is 4 MiB by default.
    private static let dumpMessageByteCount = 2 << 20

    /// All entries of one snapshot in insertion order, as they are stored, while writers go on.
    ///
    /// Holds a page of entries and what the client has not read, whatever the size of the database:
    /// the stream waits for a client that is slow.
    func dump(_ request: Google_Protobuf_Empty, _ stream: ServerStream) async throws {
        let entries = database.entries()
        log.debug("dump of \(entries.size) entries")
        do {
            var message = Pb_KVList()
            var byteCount = 0
            for try await entry in entries {
                let cost = entry.key.count + entry.value.count + 48
                // An entry that is larger than a message may be goes alone.
                if !message.kv.isEmpty, byteCount + cost > Self.dumpMessageByteCount {
                    try await stream.send(message)
                    message = Pb_KVList()
                    byteCount = 0
                }
                message.kv.append(Pb_KV(entry))
                byteCount += cost
            }
            if !message.kv.isEmpty { try await stream.send(message) }
        } catch let error as StoreError {
            let refusal = Refusal(error)
            report(refusal, method: stream.method)
            throw RPCError(refusal.code, refusal.message)
        }
    }
}

extension Pb_KV {
    /// The kind is one byte, which does not tell references from members of sorted sets.
    fileprivate init(_ entry: Entry) {
        self.init()
        key = Data(entry.key)
        value = Data(entry.value)
        userMeta = Data([entry.kind == .value ? 0 : 1])
        version = entry.index.rawValue + 1
        streamID = 1
    }
}
