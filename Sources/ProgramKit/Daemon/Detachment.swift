import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Runs this program a second time, in a session of its own, with the same arguments, the same
/// working directory, and no input or output; and waits until that process reports that it is up.
///
/// The child has one end of a pipe. It writes a zero when it is up, or the reason when it fails. If
/// it ends without a report, the pipe ends.
public enum Detachment {
    /// Starts the child and returns when it is up. The child lives on when this process ends.
    ///
    /// Call it before this process has done anything that must not be done twice. Blocks.
    ///
    /// - Throws: `DaemonError` if the child did not come up, with its own reason or the way it
    ///   ended.
    public static func run() throws(DaemonError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw failure("pipe", errno) }
        let reading = ends[0]
        defer { close(reading) }
        _ = fcntl(reading, F_SETFD, FD_CLOEXEC)
        // Above the numbers of the files that the child gets.
        let writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 10)
        let reason = errno
        close(ends[1])
        guard writing >= 0 else { throw failure("pipe", reason) }

        let child: pid_t
        do {
            defer { close(writing) }
            child = try spawn(report: writing)
        }
        let report = readToEnd(reading)
        if report.last == 0 { return }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let said = String(decoding: report, as: UTF8.self)
        throw DaemonError(said.isEmpty ? "the detached process \(ending(status))" : said)
    }

    private static func spawn(report: Int32) throws(DaemonError) -> pid_t {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, report, DetachedProcess.reportFile)
        keepInheritedFilesFromChild()
        setenv(DetachedProcess.marker, "\(getpid())", 1)
        defer { unsetenv(DetachedProcess.marker) }
        var child: pid_t = 0
        let result = posix_spawn(
            &child, try executablePath(), &actions, nil, CommandLine.unsafeArgv, environ)
        guard result == 0 else { throw failure("start", result) }
        return child
    }

    /// Closes in the child the files that this process has inherited, except for the three standard
    /// ones. A child that kept a pipe open, say, would keep its reader waiting as long as it lives.
    private static func keepInheritedFilesFromChild() {
        guard let folder = opendir("/dev/fd") else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let file = Int32(name), file > STDERR_FILENO else { continue }
            _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        }
    }

    /// Returns the path of this program's file, also if PATH found it.
    private static func executablePath() throws(DaemonError) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        #if canImport(Darwin)
            var capacity = UInt32(buffer.count)
            guard _NSGetExecutablePath(&buffer, &capacity) == 0 else {
                throw failure("find its own file", ENAMETOOLONG)
            }
        #else
            guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else {
                throw failure("find its own file", errno)
            }
        #endif
        let end = buffer.firstIndex(of: 0) ?? buffer.endIndex
        return String(decoding: buffer[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func readToEnd(_ file: Int32) -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return all }
            all += buffer.prefix(count)
        }
    }

    /// Describes how a process ended, from the status of waitpid(2).
    private static func ending(_ status: Int32) -> String {
        let signal = status & 0x7f
        return signal == 0
            ? "ended with code \((status >> 8) & 0xff) before it was up"
            : "was ended by signal \(signal) before it was up"
    }

    private static func failure(_ what: String, _ number: Int32) -> DaemonError {
        DaemonError("unable to detach: \(what): \(Errno(rawValue: number))")
    }
}
