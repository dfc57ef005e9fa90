import Dispatch

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Program {
    /// Runs the process: parses the command line, performs the action, explains an error, exits.
    ///
    /// It is not asynchronous, see `StandardFiles`.
    public static func main() {
        StandardFiles.reserve()
        MonotonicClock.requireUsable()
        // Before any thread is started or any file is opened.
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

    /// Writes the error to the standard error. If this process runs in the background, also reports
    /// it to the process that started it.
    public static func explain(_ error: any Error, arguments: [String]) -> Int32 {
        // Writing to a pipe that nobody reads must not end the process by a signal.
        signal(SIGPIPE, SIG_IGN)
        let text = text(of: error)
        StandardFiles.write(text + "\n", to: STDERR_FILENO)
        DetachedProcess.current?.report(failure: "\(error)")
        return EXIT_FAILURE
    }

    /// Returns the message of an error. An error of the command line has a hint where to read on.
    public static func text(of error: any Error) -> String {
        (error as? UsageError)?.text() ?? "Error: \(error)"
    }
}
