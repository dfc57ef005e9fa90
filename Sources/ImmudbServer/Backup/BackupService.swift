import ImmudbAccounts
import ImmudbBackup
import ImmudbProtocol
import ImmudbStore
import Logging
import RPCTransport
import SwiftProtobuf
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The remote procedure by which an administrator backs the database up.
///
/// One backup at a time. The server holds one chunk, which is reserved on the call before it is made, and one frame of the
/// ledger. The thread waits for a slow client.
final class BackupService: Sendable {
    /// The most bytes of a message; a larger chunk is sent in pieces. Clients accept 4 MiB by default.
    private static let messageByteCount = 1 << 20

    private let database: Database
    private let accounts: Accounts
    private let gate: Gate
    private let name: String
    private let identifier: CurrentIdentifier
    private let faults: FaultLog
    private let log: Logger
    private let isBusy = Atomic(false)

    init(_ data: OpenedData, name: String, gate: Gate, faults: FaultLog, log: Logger) {
        database = data.database
        accounts = data.accounts
        identifier = data.identifier
        self.name = name
        self.gate = gate
        self.faults = faults
        self.log = log.of(.calls)
    }

    var methods: [RPCMethod] { [.measuredStreaming(AdminService.backup, backup)] }

    /// Streams a backup of the newest snapshot. Writers go on meanwhile.
    private func backup(
        _ request: Immudb_Admin_V1_BackupRequest, _ stream: ServerStream
    ) async throws {
        guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
        else {
            throw RPCError(
                .resourceExhausted, "another backup is running: wait until it is complete")
        }
        defer { isBusy.store(false, ordering: .releasing) }
        do {
            let wanted = try BackupRequest(request, name: name, identifier: identifier.value)
            let caller = try gate.caller(stream.metadata)
            let backup = try database.backup(wanted)
            try await record(by: caller, from: stream.peerAddress)
            log.info(
                "backup of the entries \(backup.position) to before \(backup.end.size), by \(caller.name)",
                metadata: Logger.Metadata(stream))
            try await send(backup, to: stream)
        } catch let refusal as Refusal {
            throw RPCError(refusal.code, refusal.message)
        } catch let error as StoreError {
            var refusal = Refusal(error)
            faults.report(refusal, of: stream)
            // An administrator may read which file it is.
            if error.code == .corruption { refusal.message = error.message }
            throw RPCError(refusal.code, refusal.message)
        }
    }

    private func record(by caller: Caller, from address: String) async throws(StoreError) {
        try await withCheckedContinuation { recorded in
            accounts.noteBackup(by: caller, from: address) { recorded.resume(returning: $0) }
        }.get()
    }

    private func send(_ backup: DatabaseBackup, to stream: ServerStream) async throws {
        let reading = try BackupReading(backup)
        defer { reading.end() }
        try await send(backup.head.bytes, of: backup, to: stream)
        while true {
            try await stream.reserve(try await reading.nextPartByteCount())
            guard let part = try await reading.nextPart() else { return }
            try await send(part, of: backup, to: stream)
        }
    }

    private func send(
        _ part: [UInt8], of backup: DatabaseBackup, to stream: ServerStream
    ) async throws {
        var rest = part[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Self.messageByteCount)
            rest = rest.dropFirst(piece.count)
            var message = Immudb_Admin_V1_BackupPart()
            message.data = Data(piece)
            message.goesOn = !rest.isEmpty
            message.size = backup.end.size.rawValue
            try await stream.send(message)
        }
    }
}

extension BackupRequest {
    /// - Throws: `Refusal` for roots that no tree has.
    fileprivate init(
        _ request: Immudb_Admin_V1_BackupRequest, name: String, identifier: ServerIdentifier
    ) throws {
        self.init()
        self.name = name
        serverIdentifier = identifier.bytes
        since = try Self.tree(request.sinceSize, request.sinceRoot)
        if request.hasResumeSize {
            resumingAt = try Self.tree(request.resumeSize, request.resumeRoot)
        }
    }

    private static func tree(_ size: UInt64, _ root: Data) throws -> TrustedRoot {
        if size == 0, root.isEmpty { return .empty }
        guard let size = TreeSize(rawValue: size), let root = Digest(root),
            !size.isEmpty || root == .emptyTree
        else { throw Refusal(.invalidArgument, "no tree of \(size) entries has such a root") }
        return TrustedRoot(size: size, root: root)
    }
}
