import Foundation
import ImmudbClient
import Synchronization

/// Runs commands of the shell so that Ctrl-C ends them, and not the shell.
package enum Interruption {
    /// The error of a command that Ctrl-C has ended.
    package struct Interrupted: Error {}

    /// Whether a command is running that Ctrl-C ends.
    static var isWatching: Bool { watched.withLock { $0 != nil } }

    private static let watched = Mutex<(@Sendable () -> Void)?>(nil)
    /// Starts once the thread that reads what the signal's handler writes; handlers can only access globals.
    private static let reader: Void = {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "the system has no pipe: \(errno)")
        signalPipe.store(ends[1], ordering: .sequentiallyConsistent)
        Thread.detachNewThread { [input = ends[0]] in
            var byte: UInt8 = 0
            while true {
                let count = read(input, &byte, 1)
                if count == 1 { watched.withLock { $0 }?() }
                guard count == 1 || (count < 0 && errno == EINTR) else { return }
            }
        }
    }()

    /// Runs `work` in a task that Ctrl-C cancels. If the command has not ended by a second Ctrl-C, that ends the
    /// process.
    ///
    /// - Throws: `Interrupted` if the task was cancelled and failed because of that, else the error of `work`.
    package static func run(_ work: @escaping @MainActor () async throws -> Void) async throws {
        _ = reader
        let task = Task { @MainActor in try await work() }
        let count = Count()
        watched.withLock {
            $0 = {
                // The exit code of a process that the signal ends.
                if count.next() > 1 { exit(128 + SIGINT) }
                task.cancel()
            }
        }
        let previous = signal(SIGINT) { _ in
            var byte: UInt8 = 0
            _ = write(signalPipe.load(ordering: .sequentiallyConsistent), &byte, 1)
        }
        defer {
            signal(SIGINT, previous)
            watched.withLock { $0 = nil }
        }
        do {
            try await task.value
        } catch  where task.isCancelled && isCancellation(error) {
            throw Interrupted()
        }
    }

    private final class Count: Sendable {
        private let value = Atomic(0)

        func next() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }
    }

    private static func isCancellation(_ error: any Error) -> Bool {
        error is CancellationError || error as? ClientError == ClientError(.cancelled, "")
    }
}

/// The pipe to which the handler of SIGINT writes.
private let signalPipe = Atomic<Int32>(-1)
