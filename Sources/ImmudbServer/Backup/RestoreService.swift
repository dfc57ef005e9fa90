import ImmudbAccounts
import ImmudbProtocol
import ImmudbStore
import Logging
import POSIX
import RPCTransport
import SwiftProtobuf
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The remote procedures by which an administrator restores backups into the empty database.
///
/// `Restore` lives as long as the restore, and says how far it is; `RestorePart` brings the pieces of the backups, one at a
/// time. One restore at a time. It ends, and leaves nothing, when its call ends or no piece comes for a minute.
final class RestoreService: Sendable {
    private static let progressInterval = Duration.seconds(1)
    private static let tokenByteCount = 16

    /// The restore that runs.
    private struct Running: Sendable {
        let token: Data
        let intake: RestoreIntake
        /// nil at its beginning.
        var restore: LiveRestore?
    }

    private struct State: Sendable {
        var running: Running?
        var isEnded = false
    }

    private let database: Database
    private let accounts: Accounts
    private let gate: Gate
    private let options: ServerOptions
    private let identifier: CurrentIdentifier
    private let faults: FaultLog
    private let log: Logger
    private let state = Monitor(State())
    private let identifierHandlers = Mutex<[@Sendable (ServerIdentifier) async -> Void]>([])

    init(
        _ data: OpenedData, _ options: ServerOptions, gate: Gate, faults: FaultLog, log: Logger
    ) {
        database = data.database
        accounts = data.accounts
        identifier = data.identifier
        self.options = options
        self.gate = gate
        self.faults = faults
        self.log = log.of(.calls)
    }

    var methods: [RPCMethod] {
        [
            .measuredStreaming(AdminService.restore, restore),
            .measured(AdminService.restorePart, on: .bulk, takePart),
        ]
    }

    /// Adds what is done when a restore has given the server another identifier: before what was added earlier.
    func onNewIdentifier(_ handler: @escaping @Sendable (ServerIdentifier) async -> Void) {
        identifierHandlers.withLock { $0.insert(handler, at: 0) }
    }

    // MARK: the restore

    private func restore(
        _ request: Immudb_Admin_V1_RestoreRequest, _ stream: ServerStream
    ) async throws {
        let intake = RestoreIntake(idleLimit: options.restoreIdleLimit)
        try begin(request.restore, intake)
        defer { state.change { $0.running = nil } }
        do {
            let wanted = try LiveRestore.Request(
                request, entryByteLimit: options.maxReceiveMessageByteCount)
            try requireEmpty()
            let caller = try gate.caller(stream.metadata)
            let address = stream.peerAddress
            log.info("restore, by \(caller.name)", metadata: Logger.Metadata(stream))
            let restore = LiveRestore(
                wanted, of: database, in: RestoreStage(options), from: intake
            ) { [accounts] tree throws(StoreError) in
                try accounts.recordRestore(of: tree, by: caller, from: address)
            }
            let isWanted = state.change { state in
                state.running?.restore = restore
                return !state.isEnded
            }
            // The server began to stop before it could see what to give up.
            if !isWanted { restore.cancel(because: Self.isStopping) }
            let outcome = try await run(restore, stream)
            if let new = outcome.identifier, new != identifier.value {
                for handler in identifierHandlers.withLock({ $0 }) { await handler(new) }
            }
            log.info(
                "\(outcome.tree.size) entries were restored, with the \(outcome.tree)",
                metadata: Logger.Metadata(stream))
            var last = Self.message(restore.progress)
            last.root = Data(outcome.tree.root.bytes)
            last.size = outcome.tree.size.rawValue
            try await stream.send(last)
        } catch {
            throw refusal(of: error, stream)
        }
    }

    /// Notes the restore as the one that runs, whose pieces have a token.
    private func begin(_ token: Data, _ intake: RestoreIntake) throws(RPCError) {
        guard token.count == Self.tokenByteCount else {
            throw RPCError(
                .invalidArgument,
                "a restore is named by \(Self.tokenByteCount) bytes, not by \(token.count)")
        }
        let isFirst = state.change { state in
            guard state.running == nil, !state.isEnded else { return false }
            state.running = Running(token: token, intake: intake)
            return true
        }
        guard isFirst else {
            throw RPCError(
                .resourceExhausted, "another restore is running: wait until it is complete")
        }
    }

    /// Gives up the restore that runs, lets no other one begin, and waits for the end of it. Blocks.
    func end() {
        let restore = state.change { state in
            state.isEnded = true
            return state.running?.restore
        }
        restore?.cancel(because: Self.isStopping)
        state.wait { $0.running == nil ? () : nil }
        // They hold what holds this.
        identifierHandlers.withLock { $0 = [] }
    }

    private static let isStopping = "the server stops"
    private static let callerHasGone = "the caller of the restore has gone"

    private func requireEmpty() throws(Refusal) {
        let size = database.snapshot.size
        guard size.isEmpty else {
            throw Refusal(
                .alreadyExists,
                "the database has \(size) entries, and backups are restored into an empty one only: start a server "
                    + "with a new folder, or use immudb restore")
        }
    }

    /// Runs the restore on threads of its own, and says about once a second how far it is. Returns when it has ended.
    private func run(
        _ restore: LiveRestore, _ stream: ServerStream
    ) async throws -> LiveRestore.Outcome {
        let work = Task { () -> Result<LiveRestore.Outcome, StoreError> in
            let prepared = await onOwnThread { () throws(StoreError) -> LiveRestore.Outcome in
                WorkerThread.giveWay(by: 10)
                return try restore.prepare()
            }
            return await onOwnThread { () throws(StoreError) -> LiveRestore.Outcome in
                let outcome = try prepared.get()
                try restore.exchange(outcome)
                return outcome
            }
        }
        let reports = Task {
            do {
                while true {
                    try await stream.send(Self.message(restore.progress))
                    try await Task.sleep(for: Self.progressInterval)
                }
            } catch {
                // Nobody waits for the restore any more, or it has ended.
                if !(error is CancellationError) { restore.cancel(because: Self.callerHasGone) }
            }
        }
        let result = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            restore.cancel(because: Self.callerHasGone)
        }
        reports.cancel()
        await reports.value
        return try result.get()
    }

    private static func message(
        _ progress: LiveRestore.Progress
    ) -> Immudb_Admin_V1_RestoreProgress {
        var message = Immudb_Admin_V1_RestoreProgress()
        message.size = progress.size.rawValue
        message.isIndexing = progress.isIndexing
        return message
    }

    /// Logs and records that nothing was restored, if that is certain.
    private func refusal(of error: any Error, _ stream: ServerStream) -> RPCError {
        if let error = error as? RPCError { return error }
        let refusal = (error as? StoreError).map { Refusal(ofRestore: $0) } ?? Refusal(error)
        faults.report(refusal, of: stream)
        if (error as? StoreError)?.code == .outcomeUnknown {
            log.error("\(refusal.message)", metadata: Logger.Metadata(stream))
            return RPCError(refusal.code, refusal.message)
        }
        log.warning("nothing was restored: \(refusal.message)", metadata: Logger.Metadata(stream))
        accounts.noteRefusal(.restore, from: stream.peerAddress, reason: refusal.message)
        return RPCError(refusal.code, refusal.message)
    }

    // MARK: its pieces

    private func takePart(_ request: Immudb_Admin_V1_RestorePartRequest, _ call: ServerCall) {
        let running = state.read { $0.running }
        guard let running, running.token == request.restore else {
            return call.fail(.aborted, "the restore has ended")
        }
        let piece = RestoreIntake.Piece(
            name: Self.shown(request.name), bytes: Array(request.data),
            endsBackup: request.endsBackup || request.endsRestore,
            endsRestore: request.endsRestore)
        running.intake.put(piece, number: request.number) { result in
            switch result {
            case .success: call.reply(Immudb_Admin_V1_RestorePartReceived())
            case .failure(let error):
                let refusal = Refusal(ofRestore: error)
                call.fail(refusal.code, refusal.message)
            }
        }
    }

    /// Returns the name of a backup as it may be in messages: its beginning, in one line.
    private static func shown(_ name: String) -> String {
        let scalars = name.unicodeScalars.prefix(255).map { scalar in
            scalar.properties.generalCategory == .control ? "?" : Character(scalar)
        }
        return scalars.isEmpty ? "a backup" : String(scalars)
    }
}
