import Foundation
import ImmudbProtocol
public import ImmudbVerification
import RPCTransport

/// A head, chunk or trailer of a backup, as `docs/backup-format.md` of immudb describes them.
public struct BackupBytes: Hashable, Sendable {
    public let bytes: [UInt8]
    /// The number of entries with which the backup will end.
    public let size: UInt64
}

/// The parts of a backup, as they arrive: the head, chunks, the trailer. Iterate over it once; releasing it ends the call.
///
/// Nothing is verified here: a restore does that.
public struct BackupSequence: AsyncSequence, Sendable {
    public typealias Element = BackupBytes

    /// The largest part: a chunk of one entry as large as the ledger can hold.
    static let partByteLimit = (1 << 30) + (1 << 20)

    let messages: RPCResponseStream<Immudb_Admin_V1_BackupPart>
    let server: String

    public func makeAsyncIterator() -> Iterator {
        Iterator(messages: messages.makeAsyncIterator(), server: server)
    }

    public struct Iterator: AsyncIteratorProtocol {
        var messages: RPCResponseStream<Immudb_Admin_V1_BackupPart>.AsyncIterator
        let server: String

        /// - Throws: `ClientError` if the server or the connection ended the call early.
        public mutating func next() async throws -> BackupBytes? {
            var bytes: [UInt8] = []
            do {
                while let message = try await messages.next() {
                    bytes += message.data
                    guard bytes.count <= BackupSequence.partByteLimit else {
                        throw ClientError(
                            .incompatible,
                            "the server at \(server) sends a part of a backup that is larger than any can be"
                        )
                    }
                    if !message.goesOn { return BackupBytes(bytes: bytes, size: message.size) }
                }
            } catch {
                guard let error = error as? RPCError else { throw error }
                throw ClientError(error, server: server)
            }
            guard bytes.isEmpty else {
                throw ClientError(
                    .incompatible,
                    "the server at \(server) has ended a backup in the middle of a part")
            }
            return nil
        }
    }
}

extension ImmudbClient {
    /// Has the server back its newest snapshot up. For administrators on the server's machine.
    ///
    /// Servers of the original do not have this call: code `.incompatible`.
    ///
    /// - Parameters:
    ///   - since: the tree with which the backup before ended; the empty one for a full backup.
    ///   - resumingAt: the tree with which an unfinished backup ends, to continue it; nil for a new one.
    public func backup(
        since: TrustedRoot = .empty, resumingAt: TrustedRoot? = nil
    ) async throws(ClientError) -> BackupSequence {
        var request = Immudb_Admin_V1_BackupRequest()
        request.sinceSize = since.size.rawValue
        request.sinceRoot = Data(since.root.bytes)
        if let resumingAt {
            request.resumeSize = resumingAt.size.rawValue
            request.resumeRoot = Data(resumingAt.root.bytes)
        }
        return BackupSequence(
            messages: try await stream(AdminService.backup, request), server: connection.address)
    }
}
