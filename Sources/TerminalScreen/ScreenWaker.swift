public import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Tells a screen from another thread, or from a signal's handler, that there is something new.
public final class ScreenWaker: Sendable {
    private let reader: FileDescriptor
    private let writer: FileDescriptor

    /// - Throws: `Errno` when the process has no descriptors left.
    public init() throws(Errno) {
        (reader, writer) = try connectedSockets()
        // A handler must not wait. What finds no room is not needed: much waits already.
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

    /// What signals' handlers write their numbers to.
    var input: Int32 { writer.rawValue }
    /// What a screen waits for.
    var output: Int32 { reader.rawValue }

    /// The numbers of the signals that came since the last time; 0 for each ``wake()``.
    func received() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(reader.rawValue, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
