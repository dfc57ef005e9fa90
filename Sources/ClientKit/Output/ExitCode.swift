/// What the process ends with.
package enum ExitCode: Int32, Comparable, Sendable {
    case done = 0
    case failed = 1
    case verificationFailed = 3
    /// The server has no such key or index.
    case notFound = 4
    /// The server could not be reached, or gave no answer in time.
    case unreachable = 5
    /// A change may be stored, or is, though the command failed: to run it again may make it twice.
    case outcomeUnknown = 6
    /// Nobody reads the output any more. A process that SIGPIPE ends gives shells the same number.
    case outputClosed = 141

    /// Of several commands, the greatest is told.
    private static let byWeight: [ExitCode] = [
        .done, .outputClosed, .notFound, .failed, .unreachable, .outcomeUnknown,
        .verificationFailed,
    ]

    package static func < (left: ExitCode, right: ExitCode) -> Bool {
        byWeight.firstIndex(of: left) ?? 0 < byWeight.firstIndex(of: right) ?? 0
    }
}
