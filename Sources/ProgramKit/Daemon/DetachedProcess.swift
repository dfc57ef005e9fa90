import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// This process, if it is the child of a `Detachment`.
public final class DetachedProcess: Sendable {
    /// Holds the parent's process id, so that it means nothing to anybody but the child.
    static let marker = "_DETACHED_BY"
    static let reportFile: Int32 = 3
    private let hasReported = Atomic(false)

    /// nil if this process is not such a child.
    ///
    /// To be asked for the first time before any thread is started and any file is opened:
    /// `Program.main` does that.
    public static let current = leaveParentsSession()

    private static func leaveParentsSession() -> DetachedProcess? {
        guard let value = getenv(marker) else { return nil }
        let isChild = String(cString: value) == "\(getppid())"
        unsetenv(marker)
        guard isChild else { return nil }
        _ = fcntl(reportFile, F_SETFD, FD_CLOEXEC)
        // It leads no group yet, being of its parent's, so this cannot fail.
        setsid()
        return DetachedProcess()
    }

    private init() {}

    /// Lets the parent go: this process is up. Or it has failed, and the parent has to say why.
    /// Only the first call has an effect; the process ends after a failure.
    public func report(failure: String? = nil) {
        guard !hasReported.exchange(true, ordering: .relaxed) else { return }
        let bytes = failure.map { Array($0.utf8) } ?? [0]
        // A parent that is gone does not matter.
        _ = write(Self.reportFile, bytes, bytes.count)
        close(Self.reportFile)
    }
}
