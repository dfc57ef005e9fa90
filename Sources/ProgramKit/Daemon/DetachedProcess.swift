import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// This process, if it is the child that `Detachment` started.
public final class DetachedProcess: Sendable {
    /// The variable with the parent's process id, so that it has an effect only in the child.
    static let marker = "_DETACHED_BY"
    static let reportFile: Int32 = 3
    private let hasReported = Atomic(false)

    /// nil if this process is not such a child.
    ///
    /// Read it first before any thread is started and any file is opened, as `Program.main` does.
    public static let current = leaveParentsSession()

    private static func leaveParentsSession() -> DetachedProcess? {
        guard let value = getenv(marker) else { return nil }
        let isChild = String(cString: value) == "\(getppid())"
        unsetenv(marker)
        guard isChild else { return nil }
        _ = fcntl(reportFile, F_SETFD, FD_CLOEXEC)
        // The process is in its parent's group and leads none yet, so this cannot fail.
        setsid()
        return DetachedProcess()
    }

    private init() {}

    /// Tells the parent that this process is up, or the reason why it failed. Only the first call
    /// has an effect. After a failure the caller ends the process.
    public func report(failure: String? = nil) {
        guard !hasReported.exchange(true, ordering: .relaxed) else { return }
        let bytes = failure.map { Array($0.utf8) } ?? [0]
        // It does not matter if the parent has ended.
        _ = write(Self.reportFile, bytes, bytes.count)
        close(Self.reportFile)
    }
}
