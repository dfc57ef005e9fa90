import POSIX
import StorageIO

/// Has the disk fetch what a check reads next, on a thread of its own: the system takes its time to make room for the bytes,
/// and may wait for the disk.
///
/// The thread starts with the first request. If the system has none left, nothing is fetched ahead.
final class ReadAhead: Sendable {
    private struct Request: Sendable {
        let file: any StorageFile
        let offset: UInt64
        let byteCount: Int
    }

    private struct State: Sendable {
        var requests: [Request] = []
        var thread: WorkerThread?
        var isEnded = false
    }

    /// So much is asked for at a time, so that the end of a check waits for no more.
    private static let stepByteCount = 1 << 20
    /// If the disk is this far behind, more is not asked for: the check itself reads it then.
    private static let requestLimit = 8

    private let monitor = Monitor(State())

    func fetch(_ file: any StorageFile, byteCount: Int, at offset: UInt64) {
        let request = Request(file: file, offset: offset, byteCount: byteCount)
        monitor.change { state in
            guard !state.isEnded, state.requests.count < Self.requestLimit else { return }
            if state.thread == nil {
                state.thread = try? WorkerThread.start("verify-ahead") { [monitor] in
                    Self.run(monitor)
                }
            }
            if state.thread != nil { state.requests.append(request) }
        }
    }

    /// Ends the thread, and waits for that.
    func end() {
        let thread = monitor.change { state in
            state.isEnded = true
            return state.thread.take()
        }
        thread?.join()
    }

    private static func run(_ monitor: Monitor<State>) {
        while let request = next(of: monitor) {
            var done = 0
            while done < request.byteCount, !monitor.read({ $0.isEnded }) {
                let step = min(stepByteCount, request.byteCount - done)
                request.file.willRead(byteCount: step, at: request.offset + UInt64(done))
                done += step
            }
        }
    }

    private static func next(of monitor: Monitor<State>) -> Request? {
        monitor.wait { state -> Request?? in
            if state.isEnded { return .some(nil) }
            return state.requests.isEmpty ? nil : .some(state.requests.removeFirst())
        } ?? nil
    }
}
