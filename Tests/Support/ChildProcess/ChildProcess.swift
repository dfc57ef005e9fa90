import CSpawn
import Foundation
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A program that runs beside the tests, started by posix_spawn.
///
/// Foundation's `Process` sometimes crashes the tests: on Linux its `run` reads beyond the end of a
/// buffer (swift-corelibs-foundation, pull request 5472), more often if many files are open.
public final class ChildProcess: Sendable {
    public enum End: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// The standard files of the program; nil is `/dev/null`.
    public struct Streams: Sendable {
        public var input: Int32?
        public var output: Int32?
        public var errors: Int32?

        public init(input: Int32? = nil, output: Int32? = nil, errors: Int32? = nil) {
            self.input = input
            self.output = output
            self.errors = errors
        }
    }

    public let identifier: Int32
    private let state: State

    private final class State: Sendable {
        let end = Mutex<End?>(nil)
        let endedAt = Mutex<ContinuousClock.Instant?>(nil)
    }

    /// Starts a program. It inherits no files except the standard ones.
    ///
    /// - Parameters:
    ///   - environment: the complete environment.
    ///   - directory: the working folder, or nil for that of this process.
    public init(
        _ path: String, _ arguments: [String], environment: [String: String],
        directory: String? = nil, streams: Streams
    ) throws {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        for (target, file) in [streams.input, streams.output, streams.errors].enumerated() {
            if let file {
                posix_spawn_file_actions_adddup2(&actions, file, Int32(target))
            } else {
                posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
            }
        }
        #if canImport(Darwin)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_CLOEXEC_DEFAULT))
        #else
            posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)
        #endif
        if let directory { posix_spawn_file_actions_addchdir_np(&actions, directory) }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") }
        defer { for text in words + variables { free(text) } }
        words.append(nil)
        variables.append(nil)
        var process: pid_t = 0
        let failure = posix_spawn(&process, path, &actions, &attributes, words, variables)
        guard failure == 0 else {
            throw CannotStart(description: "\(path): \(String(cString: strerror(failure)))")
        }
        identifier = process
        state = State()
        Thread.detachNewThread { [identifier, state] in Self.waitForEnd(of: identifier, state) }
    }

    /// Starts waiting for the end of the process at once. A zombie would keep Swift Testing's
    /// monitor of exit tests busy forever, since that waits for any process.
    private static func waitForEnd(of identifier: Int32, _ state: State) {
        var info = siginfo_t()
        while waitid(P_PID, id_t(identifier), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        state.endedAt.withLock { $0 = .now }
        // Under the lock, since from now on another process may get its number.
        state.end.withLock { end in
            var status: Int32 = 0
            guard waitpid(identifier, &status, 0) == identifier else { return }
            let signal = status & 0x7f
            end = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
        }
    }

    public struct CannotStart: Error, CustomStringConvertible {
        public let description: String
    }

    /// The result of its end, or nil while it runs.
    public var ended: End? { state.end.withLock { $0 } }

    /// The time of its end, noted by a separate thread, so it does not include the time that a test
    /// waits for a thread of the pool.
    public var endedAt: ContinuousClock.Instant? { state.endedAt.withLock { $0 } }

    public var isRunning: Bool { ended == nil }

    /// Waits for the end. Blocks the thread.
    @discardableResult
    public func waitUntilEnd() -> End {
        while true {
            if let ended { return ended }
            usleep(2_000)
        }
    }

    public func send(_ signal: Int32) {
        // Under the lock: no other process gets its number until the process was waited for.
        state.end.withLock { end in
            if end == nil { _ = kill(identifier, signal) }
        }
    }
}
