import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Runs the programs that an administrator would run.
protocol CommandRunning: Sendable {
    /// Runs a program and waits for its end.
    ///
    /// - Parameters:
    ///   - words: the program, by path or by the name of a system program, and its arguments.
    ///   - environment: variables besides `PATH`.
    ///   - limit: the time after which the program and its children are killed; nil for no limit.
    /// - Throws: `ServiceError` if it cannot be started, or its exit status cannot be determined.
    func run(
        _ words: [String], environment: [String: String], limit: Duration?
    ) throws(ServiceError) -> CommandResult
}

extension CommandRunning {
    func run(_ words: [String]) throws(ServiceError) -> CommandResult {
        try run(words, environment: [:], limit: nil)
    }
}

/// The exit code of a program, and its output on both streams.
struct CommandResult: Hashable, Sendable {
    /// The exit code; 128 plus the signal's number if the program was killed.
    var exitCode: Int32 = 0
    var output = ""

    /// Returns the failure as an error for the operator.
    func failure(of words: [String]) -> ServiceError {
        let text = output.split(separator: "\n").joined(separator: "\n")
        return ServiceError(
            "\(words.joined(separator: " ")) failed with code \(exitCode)"
                + (text.isEmpty ? "" : ": \(text)"))
    }
}

/// The programs of this machine, found only in the system's folders.
struct SystemCommands: CommandRunning {
    private static let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    private static let maxOutputByteCount = 1 << 20

    func run(
        _ words: [String], environment: [String: String], limit: Duration?
    ) throws(ServiceError) -> CommandResult {
        guard let name = words.first, let path = Self.path(of: name) else {
            throw ServiceError(
                "\(words.first ?? "") is not on this machine: looked for in "
                    + Self.folders.joined(separator: ", "))
        }
        let variables = [
            "PATH": Self.folders.joined(separator: ":"), "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0",
            "SYSTEMD_PAGER": "",
        ].merging(environment) { $1 }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Self.failure(name, errno) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        let reading = FileDescriptor(rawValue: ends[0])
        defer { try? reading.close() }
        // With SIGCHLD ignored, which a process can inherit, the exit status of a child is lost.
        let previous = signal(SIGCHLD, SIG_DFL)
        defer { signal(SIGCHLD, previous) }
        let child: pid_t
        do {
            defer { close(ends[1]) }
            child = try Self.spawn(path, words, variables, output: ends[1])
        }
        let end = limit.map { ContinuousClock.now + $0 }
        let output = Self.output(of: reading, until: end)
        if output == nil { kill(-child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw Self.failure(name, errno) }
        }
        guard let output else {
            throw ServiceError("\(name) was killed, since it had not ended in time")
        }
        let signal = status & 0x7f
        return CommandResult(
            exitCode: signal == 0 ? (status >> 8) & 0xff : 128 + signal,
            output: String(decoding: output, as: UTF8.self))
    }

    /// Reads the output to its end, and drops bytes beyond the limit, so that the program never waits for a reader.
    ///
    /// - Returns: nil if the output did not end in time.
    private static func output(
        of file: FileDescriptor, until end: ContinuousClock.Instant?
    ) -> [UInt8]? {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let left = end.map { ContinuousClock.now.duration(to: $0) }
            if let left, left <= .zero { return nil }
            var request = pollfd(fd: file.rawValue, events: Int16(POLLIN), revents: 0)
            let isThere = poll(&request, 1, left == nil ? -1 : 100)
            if isThere == 0 || (isThere < 0 && errno == EINTR) { continue }
            let count = read(file.rawValue, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return output }
            output += buffer.prefix(min(count, maxOutputByteCount - output.count))
        }
    }

    private static func path(of name: String) -> String? {
        if name.contains("/") { return name }
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    private static func spawn(
        _ path: String, _ words: [String], _ variables: [String: String], output: Int32
    ) throws(ServiceError) -> pid_t {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        if output > STDERR_FILENO { posix_spawn_file_actions_addclose(&actions, output) }
        // The child does not inherit this thread's signal mask or this process's ignored signals; and it leads a
        // process group, so that its children can be killed with it.
        #if canImport(Darwin)
            var attributes: posix_spawnattr_t?
        #else
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") }
        defer { for text in arguments + environment { free(text) } }
        arguments.append(nil)
        environment.append(nil)
        var child: pid_t = 0
        let result = posix_spawn(&child, path, &actions, &attributes, arguments, environment)
        guard result == 0 else { throw failure(path, result) }
        return child
    }

    private static func failure(_ name: String, _ reason: Int32) -> ServiceError {
        ServiceError("cannot run \(name): \(Errno(rawValue: reason))")
    }
}
