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
    /// The maximum number of bytes of keys and values in one message, unless a single entry is
    /// larger. Clients accept 4 MiB by default; the fields of up to 1,000 entries are added to this
    /// number.
    private static let dumpMessageByteCount = 2 << 20
    /// The maximum number of bytes that an entry adds to its key and value in a message.
    private static let dumpEntryByteCount = 48

    /// Streams all entries of one snapshot in insertion order, as they are stored. Does not block
    /// writers.
    ///
    /// Holds only one message in memory: the sizes of the next entries are known before they are
    /// read, and they are read once there is memory for them. The stream waits for a slow client.
    func dump(_ request: Google_Protobuf_Empty, _ stream: ServerStream) async throws {
        var dump = operations.dump()
        log.debug("dump of \(dump.size) entries", of: stream)
        do {
            while let run = try await dump.nextRun(upTo: Self.dumpMessageByteCount) {
                let byteCount = run.byteCount + run.count * Self.dumpEntryByteCount
                try await stream.reserve(byteCount)
                // Encoded on the thread that reads, so there is one copy for each such thread, not
                // for each dump.
                let message = try await dump.read(run) { forEach throws(StoreError) in
                    var list = Pb_KVList()
                    list.kv.reserveCapacity(run.count)
                    try forEach { list.kv.append(Pb_KV($0)) }
                    return Result { try list.serializedBytes() as FramedBytes }
                }.get()
                // Happens only if a file with the sizes of entries is damaged.
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
    /// Encodes the kind as one byte, with the same value for references and members of sorted sets.
    fileprivate init(_ entry: Entry) {
        self.init()
        key = Data(entry.key)
        value = Data(entry.value)
        userMeta = Data([entry.kind == .value ? 0 : 1])
        version = entry.index.rawValue + 1
        streamID = 1
    }
}
