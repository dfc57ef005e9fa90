import Crypto
public import Foundation
public import ImmudbClient
import POSIX
import StorageIO

/// What an auditor's folder says of its work, also while it runs.
public struct AuditRecord: Sendable {
    /// nil: no round has ended.
    public let verdict: Verdict?
    public let lastRound: Date?
    /// When the pass over all entries began, and how far it is.
    public let passStart: Date
    public let passPosition: UInt64
    public let suspectCount: Int
    /// Rounds in a row in which the server has refused to show something.
    public let refusedRoundCount: UInt64
    public let lineCount: UInt64
    /// The last root in the log that held.
    public let lastRoot: TrustedRoot?
    /// The key by which the log is signed.
    public let publicKey: String

    /// Reads the folder and checks the whole log.
    ///
    /// - Returns: nil if no auditor has worked there.
    /// - Throws: `AuditorError`: with code `.logChanged` if the log is not what the auditor wrote.
    public static func read(_ directory: String) async throws -> AuditRecord? {
        try await blocking { try readNow(directory) }
    }

    private static func readNow(_ directory: String) throws -> AuditRecord? {
        func path(_ name: String) -> String {
            directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
        }
        let log = path(AuditorFiles.logName)
        guard let state = try AuditState.read(path(AuditorFiles.stateName)) else {
            guard isRegularFile(log) == nil else {
                throw AuditorFiles.missingState(path(AuditorFiles.stateName))
            }
            return nil
        }
        let key = try AuditorKey.load(path(AuditorFiles.keyName), isNew: false)
        let check: RootLogCheck
        do {
            let file = try POSIXFileSystem().open(log, .readOnly)
            check = try RootLogCheck(file, known: state.log, key: key.secret.publicKey)
        } catch let error as StoreError {
            throw AuditorError(.logChanged, "cannot read the log: \(error)")
        }
        return AuditRecord(
            verdict: state.lastVerdict, lastRound: state.lastRound, passStart: state.plan.start,
            passPosition: state.plan.position, suspectCount: state.suspects.count,
            refusedRoundCount: state.refusedRoundCount ?? 0, lineCount: check.head.lineCount,
            lastRoot: check.roots.entries.last?.signed.root,
            publicKey: key.publicText)
    }
}
