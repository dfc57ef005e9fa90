import Dispatch

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Program {
    /// The process: reads what it is asked, does it, explains what went wrong, ends.
    ///
    /// Not asynchronous itself: see `StandardFiles`.
    public static func main() {
        StandardFiles.reserve()
        MonotonicClock.requireUsable()
        // Before a thread is started or a file opened.
        _ = DetachedProcess.current
        Task { @MainActor in exit(await exitCode()) }
        dispatchMain()
    }

    @MainActor private static func exitCode() async -> Int32 {
        var arguments: [String] = []
        do {
            arguments = try ProcessArguments.text()
            return try await perform(Invocation(arguments))
        } catch {
            return explain(error, arguments: arguments)
        }
    }

    /// Tells it on the standard error and, if this process runs in the background, the one that has
    /// started it.
    public static func explain(_ error: any Error, arguments: [String]) -> Int32 {
        // A pipe that nobody reads must not end the process in another way.
        signal(SIGPIPE, SIG_IGN)
        let text = text(of: error)
        StandardFiles.write(text + "\n", to: STDERR_FILENO)
        DetachedProcess.current?.report(failure: "\(error)")
        return EXIT_FAILURE
    }

    /// What is wrong, with the hint where to read on if it is about the command line.
    public static func text(of error: any Error) -> String {
        (error as? UsageError)?.text() ?? "Error: \(error)"
    }
}
