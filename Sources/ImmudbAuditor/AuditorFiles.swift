import Foundation
import POSIX
import StorageIO
import Synchronization

/// The files of an auditor: key, state and log, in a folder for its owner alone. One auditor at a time.
final class AuditorFiles: Sendable {
    static let keyName = "auditor.key"
    static let stateName = "state.json"
    static let logName = "roots.log"

    let key: AuditorKey
    let startState: AuditState
    private let statePath: String
    private let log: Mutex<RootLog>
    private let lock: Mutex<(any FileLock)?>

    /// Opens the files, or makes them. Blocks.
    ///
    /// - Throws: `AuditorError`.
    init(
        _ directory: String, on disk: any FileSystem = POSIXFileSystem()
    ) throws(AuditorError) {
        func path(_ name: String) -> String {
            directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
        }
        do {
            try makeFolders(directory, permissions: .ownerReadWriteExecute)
            lock = Mutex(try POSIXFileSystem().lock(path("lock")))
        } catch let error as StoreError where error.code == .inUse {
            throw AuditorError(.files, "another auditor uses the folder \(directory)")
        } catch {
            throw AuditorError(.files, "cannot use the folder \(directory): \(error)")
        }
        statePath = path(Self.stateName)
        let state = try AuditState.read(statePath)
        let hasLog = isRegularFile(path(Self.logName)) == true
        key = try AuditorKey.load(path(Self.keyName), isNew: state == nil && !hasLog)
        let log = try RootLog(
            path(Self.logName), on: disk, known: state?.log ?? LogHead(), key: key)
        if let state {
            startState = state
        } else {
            guard log.head.lineCount == 0 else { throw Self.missingState(statePath) }
            startState = AuditState(now: Date())
            // Before the first line, which would be one too many without it.
            try startState.write(statePath)
        }
        self.log = Mutex(log)
    }

    /// The state has gone, and the log is there: nobody knows whether its end was cut off.
    static func missingState(_ path: String) -> AuditorError {
        AuditorError(
            .logChanged,
            "\(path) is gone, so that it cannot be said where the log ends. Restore it, or move the log away to begin a "
                + "new one")
    }

    /// What the log says now.
    var loggedRoots: LoggedRoots { log.withLock { $0.roots } }

    /// Leaves the folder to others.
    func close() { lock.withLock { $0 = nil } }

    /// Adds a line to the log if the report says something new, and writes the state. Blocks.
    ///
    /// - Returns: the state as it was written.
    /// - Throws: `AuditorError`, after it has tried both.
    func keep(_ report: RoundReport, _ state: AuditState) throws(AuditorError) -> AuditState {
        var state = state
        let result = log.withLock { log in
            let result = Result { () throws(AuditorError) in
                if log.isNews(report) { try log.append(report) }
            }
            state.log = log.head
            return result
        }
        try state.write(statePath)
        try result.get()
        return state
    }
}
