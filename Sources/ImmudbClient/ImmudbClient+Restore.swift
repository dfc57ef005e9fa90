import Foundation
import ImmudbProtocol
public import ImmudbVerification
import RPCTransport
import Synchronization

/// What a restore into a running server is to do.
public struct RestoreOptions: Hashable, Sendable {
    /// A tree through which the history must go; nil if none is known.
    public var known: TrustedRoot?
    /// How many entries to restore; nil for all.
    public var until: TreeSize?
    /// Whether clients are to take the server for the one that was backed up.
    public var keepsIdentity = true

    public init() {}
}

/// How far a restore is.
public struct RestoreProgress: Hashable, Sendable {
    /// The entries that are verified.
    public let size: UInt64
    /// Whether all are verified, and are being indexed.
    public let isIndexing: Bool
}

/// Sends the backups of a restore: the pieces of each one after the other. By one task.
public struct RestoreUpload {
    fileprivate let client: ImmudbClient
    fileprivate let token: Data
    fileprivate var number: UInt64 = 0
    /// Whether the last piece is on its way: from then on the server may restore.
    fileprivate var isComplete = false
    fileprivate let ended: Ended

    /// Whether the restore has ended, and no piece is wanted any more: the server has refused it, or is gone. To be asked
    /// by those who wait long for bytes of a backup.
    public var isEnded: Bool { ended.value.load(ordering: .acquiring) }

    /// Sends bytes of a backup, at most some mebibytes. Returns when there is room for the next ones.
    ///
    /// - Parameters:
    ///   - bytes: some bytes of the backup, the ones after those sent before.
    ///   - name: the name of the backup, for messages.
    ///   - endsBackup: whether the backup ends with them.
    ///   - endsRestore: whether it is the last backup as well.
    public mutating func send(
        _ bytes: [UInt8], of name: String, endsBackup: Bool = false, endsRestore: Bool = false
    ) async throws(ClientError) {
        var request = Immudb_Admin_V1_RestorePartRequest()
        request.restore = token
        request.number = number
        request.name = name
        request.data = Data(bytes)
        request.endsBackup = endsBackup
        request.endsRestore = endsRestore
        number += 1
        if endsRestore { isComplete = true }
        let _: Immudb_Admin_V1_RestorePartReceived = try await client.call(
            AdminService.restorePart, request)
    }
}

/// Whether a restore has ended: shared by the task that follows it and the one that sends.
private final class Ended: Sendable {
    let value = Atomic(false)
}

extension ImmudbClient {
    /// Restores backups into the empty database of a server: all of them, or nothing. For administrators on the server's
    /// machine.
    ///
    /// When it returns, the server serves the restored entries; if it has got the identity of the server that was backed up,
    /// this client does not know it any more. Servers of the original do not have this call: code `.incompatible`.
    ///
    /// - Parameters:
    ///   - options: which history is expected, and how much of it is restored.
    ///   - progress: called about once a second.
    ///   - send: sends the backups, the full one first.
    /// - Returns: the tree that was restored.
    /// - Throws: `ClientError`, and what `send` throws; nothing was restored then, unless the code is
    ///   `.outcomeUnknown`: after everything had been sent, the connection was lost, or the server failed.
    public func restore(
        _ options: RestoreOptions = RestoreOptions(),
        progress: @escaping @Sendable (RestoreProgress) -> Void = { _ in },
        send: (inout RestoreUpload) async throws -> Void
    ) async throws -> TrustedRoot {
        var generator = SystemRandomNumberGenerator()
        let token = Data((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
        var request = Immudb_Admin_V1_RestoreRequest()
        request.restore = token
        if let known = options.known {
            request.knownSize = known.size.rawValue
            request.knownRoot = Data(known.root.bytes)
        }
        if let until = options.until { request.untilSize = until.rawValue }
        request.newIdentifier = !options.keepsIdentity
        let messages: RPCResponseStream<Immudb_Admin_V1_RestoreProgress> = try await stream(
            AdminService.restore, request)
        let server = connection.address
        let ended = Ended()
        let end = Task {
            defer { ended.value.store(true, ordering: .releasing) }
            return try await Self.follow(messages, server, progress)
        }
        return try await withTaskCancellationHandler {
            var upload = RestoreUpload(client: self, token: token, ended: ended)
            do {
                try await send(&upload)
            } catch let error as ClientError
                where error.status == .aborted || upload.isComplete && !error.isAnswer
            {
                // A piece is refused after the restore has ended, and the end says why. If no answer to the last piece
                // arrives, the end alone says whether everything is restored.
            } catch {
                messages.cancel()
                throw error
            }
            do {
                return try await end.value
            } catch let error as ClientError {
                // Damaged backups are refused by DATA_LOSS, which no write gets.
                guard upload.isComplete, let failure = error.cause as? RPCError,
                    failure.code != .dataLoss, ClientError.leavesWriteOpen(failure)
                else { throw error }
                throw ClientError.outcomeUnknown(error.message, cause: error)
            }
        } onCancel: {
            messages.cancel()
        }
    }

    /// Waits for the end of a restore.
    private static func follow(
        _ messages: RPCResponseStream<Immudb_Admin_V1_RestoreProgress>, _ server: String,
        _ progress: @Sendable (RestoreProgress) -> Void
    ) async throws -> TrustedRoot {
        do {
            for try await message in messages {
                progress(RestoreProgress(size: message.size, isIndexing: message.isIndexing))
                guard !message.root.isEmpty else { continue }
                guard let size = TreeSize(rawValue: message.size), let root = Digest(message.root)
                else { break }
                return TrustedRoot(size: size, root: root)
            }
        } catch {
            guard let error = error as? RPCError else { throw error }
            throw ClientError(error, server: server)
        }
        throw ClientError(
            .incompatible, "the server at \(server) has ended a restore without its root")
    }
}
