/// What the process ends with. The larger of two says more.
enum ExitCode: Int32, Comparable {
    case done = 0
    case failed = 1
    /// An entry may be stored, or is, though the command failed: to run it again may store it twice.
    case outcomeUnknown = 6

    static func < (left: ExitCode, right: ExitCode) -> Bool { left.rawValue < right.rawValue }
}
