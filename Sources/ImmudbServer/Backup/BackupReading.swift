import ImmudbStore
import POSIX
import StorageIO

/// Makes the parts of a backup on a thread of its own, which gives way to the threads of other calls.
final class BackupReading: Sendable {
    private enum Work: Sendable {
        case byteCount(CheckedContinuation<Result<Int, StoreError>, Never>)
        case part(CheckedContinuation<Result<[UInt8]?, StoreError>, Never>)
    }

    private struct State: Sendable {
        var work: Work?
        var isEnded = false
    }

    private let monitor = Monitor(State())

    /// - Throws: `io` if the system has no thread left.
    init(_ backup: DatabaseBackup) throws(StoreError) {
        do {
            _ = try WorkerThread(name: "backup") { [monitor] in
                WorkerThread.giveWay(by: 10)
                while let work = Self.next(of: monitor) {
                    switch work {
                    case .byteCount(let caller):
                        caller.resume(
                            returning: Result { () throws(StoreError) in
                                try backup.nextPartByteCount()
                            })
                    case .part(let caller):
                        caller.resume(
                            returning: Result { () throws(StoreError) in try backup.nextPart() })
                    }
                }
            }
        } catch {
            throw StoreError.system("cannot start the thread", "backup", error.rawValue)
        }
    }

    /// See ``ImmudbStore/DatabaseBackup/nextPartByteCount()``. One task at a time.
    func nextPartByteCount() async throws(StoreError) -> Int {
        try await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Int, StoreError>, Never>) in
            monitor.change { $0.work = .byteCount(caller) }
        }.get()
    }

    /// See ``ImmudbStore/DatabaseBackup/nextPart()``. One task at a time.
    func nextPart() async throws(StoreError) -> [UInt8]? {
        try await withCheckedContinuation {
            (caller: CheckedContinuation<Result<[UInt8]?, StoreError>, Never>) in
            monitor.change { $0.work = .part(caller) }
        }.get()
    }

    /// Ends the thread. Nothing may be asked of it any more.
    func end() { monitor.change { $0.isEnded = true } }

    private static func next(of monitor: Monitor<State>) -> Work? {
        monitor.wait { state -> Work?? in
            if let work = state.work.take() { return .some(work) }
            return state.isEnded ? .some(nil) : nil
        } ?? nil
    }
}
