import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Runs the programs that an administrator would run.
protocol CommandRunning: Sendable {
    /// Waits for the program's end.
    ///
    /// - Parameters:
    ///   - words: the program, a path or the name of one of the system's, and its arguments.
    ///   - environment: beside the paths where programs are.
    /// - Throws: `ServiceError` if it cannot be started.
    func run(
        _ words: [String], environment: [String: String]
    ) throws(ServiceError) -> CommandResult
}

extension CommandRunning {
    func run(_ words: [String]) throws(ServiceError) -> CommandResult {
        try run(words, environment: [:])
    }
}

/// How a program ended, and what it has printed, on both outputs.
struct CommandResult: Hashable, Sendable {
    /// 128 and the signal's number for a program that was killed.
    var exitCode: Int32 = 0
    var output = ""

    /// The reason of a failure, for people.
    func failure(of words: [String]) -> ServiceError {
        let text = output.split(separator: "\n").joined(separator: "\n")
        return ServiceError(
            "\(words.joined(separator: " ")) failed with code \(exitCode)"
                + (text.isEmpty ? "" : ": \(text)"))
    }
}

/// The programs of this machine, found where the system has them and nowhere else.
struct SystemCommands: CommandRunning {
    private static let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    private static let maxOutputByteCount = 1 << 20

    func run(
        _ words: [String], environment: [String: String]
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
        let child: pid_t
        do {
            defer { close(ends[1]) }
            child = try Self.spawn(path, words, variables, output: ends[1])
        }
        let output = (try? reading.bytes(upTo: Self.maxOutputByteCount)) ?? []
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return CommandResult(
            exitCode: signal == 0 ? (status >> 8) & 0xff : 128 + signal,
            output: String(decoding: output, as: UTF8.self))
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
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") }
        defer { for text in arguments + environment { free(text) } }
        arguments.append(nil)
        environment.append(nil)
        var child: pid_t = 0
        let result = posix_spawn(&child, path, &actions, nil, arguments, environment)
        guard result == 0 else { throw failure(path, result) }
        return child
    }

    private static func failure(_ name: String, _ reason: Int32) -> ServiceError {
        ServiceError("cannot run \(name): \(Errno(rawValue: reason))")
    }
}
