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
        let snapshot = database.snapshot
        log.debug("dump of \(snapshot.size) entries")
        do {
            var walk = snapshot.indexWalk(from: EntryIndex(0), room: AnswerRoom(byteLimit: .max))
            while let (run, planned) = try await nextRun(of: walk) {
                let byteCount = run.byteCount + run.count * Self.dumpEntryByteCount
                try await stream.reserve(byteCount)
                let (message, behind) = try await message(of: run, planned)
                walk = behind
                // Only where a file that says how large entries are is damaged.
                if message.count > byteCount { try await stream.reserve(message.count) }
                try await stream.send(framed: message)
            }
        } catch let error as StoreError {
            let refusal = Refusal(error)
            report(refusal, method: stream.method)
            throw RPCError(refusal.code, refusal.message)
        }
    }

    private func nextRun(
        of walk: IndexWalk
    ) async throws(StoreError) -> (run: IndexWalk.Run, walk: IndexWalk)? {
        try await database.reading { () throws(StoreError) in
            var walk = walk
            guard let run = try walk.nextRun(upTo: Self.dumpMessageByteCount) else { return nil }
            return (run, walk)
        }
    }

    /// Reads and encodes in one go, on a thread of the database: of the copies that this makes there
    /// are as many as such threads, not as many as dumps.
    private func message(
        of run: IndexWalk.Run, _ walk: IndexWalk
    ) async throws -> (message: FramedBytes, walk: IndexWalk) {
        let read = try await database.reading { () throws(StoreError) in
            var walk = walk
            var list = Pb_KVList()
            list.kv.reserveCapacity(run.count)
            try walk.read(run) { list.kv.append(Pb_KV($0)) }
            let message = Result { try list.serializedBytes() as FramedBytes }
            return (message: message, walk: walk)
        }
        return (try read.message.get(), read.walk)
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
