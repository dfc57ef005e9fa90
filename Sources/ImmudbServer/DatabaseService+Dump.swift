import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension DatabaseService {
    /// The most bytes of keys and values in one message, but for an entry that is larger alone. What
    /// clients take is 4 MiB by default; 1,000 entries at most with their fields come beside it.
    private static let dumpMessageByteCount = 2 << 20
    /// What an entry takes in a message beside key and value, at most.
    private static let dumpEntryByteCount = 48

    /// All entries of one snapshot in insertion order, as they are stored, while writers go on.
    ///
    /// Holds one message, whatever the size of the database and of its entries: the size of the next
    /// entries is known before they are read, and they are read once there is room for them. The
    /// stream waits for a client that is slow.
    func dump(_ request: Google_Protobuf_Empty, _ stream: ServerStream) async throws {
        var dump = operations.dump()
        log.debug("dump of \(dump.size) entries", of: stream)
        do {
            while let run = try await dump.nextRun(upTo: Self.dumpMessageByteCount) {
                let byteCount = run.byteCount + run.count * Self.dumpEntryByteCount
                try await stream.reserve(byteCount)
                // Encoded on the thread that reads: there are as many copies as such threads, not dumps.
                let message = try await dump.read(run) { forEach throws(StoreError) in
                    var list = Pb_KVList()
                    list.kv.reserveCapacity(run.count)
                    try forEach { list.kv.append(Pb_KV($0)) }
                    return Result { try list.serializedBytes() as FramedBytes }
                }.get()
                // Only where a file that says how large entries are is damaged.
                if message.count > byteCount { try await stream.reserve(message.count) }
                try await stream.send(framed: message)
            }
        } catch let error as StoreError {
            let refusal = Refusal(error)
            report(refusal, of: stream)
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
