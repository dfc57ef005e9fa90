/// The exit code of the process.
package enum ExitCode: Int32, Comparable, Sendable {
    case done = 0
    case failed = 1
    case verificationFailed = 3
    /// The server has no such key or index.
    case notFound = 4
    /// The server could not be reached, or gave no answer in time.
    case unreachable = 5
    /// A change may be stored, or is, although the command failed: running it again may make the change twice.
    case outcomeUnknown = 6
    /// Nobody reads the output any more. Shells report the same number for a process that SIGPIPE ends.
    case outputClosed = 141

    /// Of several commands, the greatest exit code is returned.
    private static let byWeight: [ExitCode] = [
        .done, .outputClosed, .notFound, .failed, .unreachable, .outcomeUnknown,
        .verificationFailed,
    ]

    package static func < (left: ExitCode, right: ExitCode) -> Bool {
        byWeight.firstIndex(of: left) ?? 0 < byWeight.firstIndex(of: right) ?? 0
    }
}
