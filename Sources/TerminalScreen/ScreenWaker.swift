public import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Wakes a screen from another thread or from a signal handler.
public final class ScreenWaker: Sendable {
    private let reader: FileDescriptor
    private let writer: FileDescriptor

    /// - Throws: `Errno` when the process has no descriptors left.
    public init() throws(Errno) {
        (reader, writer) = try connectedSockets()
        // A handler must not wait. If the pipe is full, enough wake-ups are waiting already.
        for end in [reader, writer] { _ = fcntl(end.rawValue, F_SETFL, O_NONBLOCK) }
    }

    deinit {
        try? reader.close()
        try? writer.close()
    }

    public func wake() {
        var nothing: UInt8 = 0
        _ = write(writer.rawValue, &nothing, 1)
    }

    /// The descriptor to which signal handlers write the signal numbers.
    var input: Int32 { writer.rawValue }
    /// The descriptor on which a screen waits.
    var output: Int32 { reader.rawValue }

    /// Returns the numbers of the signals since the last call; 0 for each ``wake()``.
    func received() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(reader.rawValue, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
