import ImmudbProtocol
public import ImmudbVerification
import RPCTransport
import SwiftProtobuf

/// The entries of a dump, as they arrive. Iterate over it once; releasing it ends the call.
public struct DumpSequence: AsyncSequence, Sendable {
    public typealias Element = DumpedEntry

    let messages: RPCResponseStream<Pb_KVList>
    let server: String

    public func makeAsyncIterator() -> Iterator {
        Iterator(messages: messages.makeAsyncIterator(), server: server)
    }

    public struct Iterator: AsyncIteratorProtocol {
        var messages: RPCResponseStream<Pb_KVList>.AsyncIterator
        let server: String
        private var entries: ArraySlice<Pb_KV> = []

        init(messages: RPCResponseStream<Pb_KVList>.AsyncIterator, server: String) {
            self.messages = messages
            self.server = server
        }

        /// - Throws: `ClientError` if the server or the connection ended the dump early: the entries so far are
        ///   incomplete.
        public mutating func next() async throws -> DumpedEntry? {
            var emptyCount = 0
            while entries.isEmpty {
                guard emptyCount < 100 else {
                    throw ClientError(
                        .incompatible,
                        "the server at \(server) sends only empty messages in its dump")
                }
                emptyCount += 1
                do {
                    guard let message = try await messages.next() else { return nil }
                    entries = message.kv[...]
                } catch {
                    guard let error = error as? RPCError else { throw error }
                    throw ClientError(error, server: server)
                }
            }
            return try entries.popFirst().map { try DumpedEntry($0) }
        }
    }
}

/// An entry of a dump.
public struct DumpedEntry: Hashable, Sendable {
    public let entry: Entry
    /// Whether the entry is a plain value, not a reference or a sorted set's member.
    public let isValue: Bool

    init(_ message: Pb_KV) throws(ClientError) {
        guard message.version > 0 else {
            throw ClientError(
                .incompatible, "the server sent an entry of the dump without a version")
        }
        entry = Entry(
            index: EntryIndex(message.version - 1), key: message.key.allBytes,
            value: message.value.allBytes)
        isValue = message.userMeta.allSatisfy { $0 == 0 }
    }

    /// Returns the entry in the form of a dump file: its length in 4 bytes, little-endian, and the encoding of `pb.KV`.
    public func fileRecord() throws -> [UInt8] {
        var message = Pb_KV()
        message.key.append(contentsOf: entry.key)
        message.value.append(contentsOf: entry.value)
        message.userMeta.append(isValue ? 0 : 1)
        message.version = entry.index.rawValue + 1
        message.streamID = 1
        let encoded: [UInt8] = try message.serializedBytes()
        return withUnsafeBytes(of: UInt32(encoded.count).littleEndian) { Array($0) } + encoded
    }
}
