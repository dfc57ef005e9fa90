import POSIX
import StorageIO

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The file of a log, for the thread that writes: gathers lines, writes them, and counts refused
/// lines until it can report them in the file.
///
/// One write has whole lines and at most 4,096 bytes, unless a line is longer: a pipe accepts that
/// in one piece (`PIPE_BUF` on Linux), so lines do not mix with those of other processes.
struct LogFile: ~Copyable {
    private static let gatheredByteCount = 4096
    private static let lineFeed = UInt8(ascii: "\n")

    private let file: Int32
    private var formatter: LineFormatter
    private var gathered: [UInt8] = []
    private var gatheredCount = 0
    /// The number of lines that the file refused since the last successful write, and the reason.
    private var refused: (count: Int, reason: Int32) = (0, 0)
    private var uncountedRefusals = 0
    private var endsInsideLine = false

    init(_ file: Int32, _ formatter: LineFormatter) {
        self.file = file
        self.formatter = formatter
    }

    mutating func add(_ line: LogLine) {
        let bytes = formatter.bytes(of: line)
        if gathered.count + bytes.count > Self.gatheredByteCount { write() }
        gathered += bytes
        gatheredCount += 1
    }

    /// Writes the gathered lines. Waits while the file does not accept them; drops lines that it
    /// refuses with an error.
    mutating func write() {
        guard gatheredCount > 0 else { return }
        var lead: [UInt8] = []
        if endsInsideLine { lead.append(Self.lineFeed) }
        if refused.count > 0 { lead += formatter.bytes(of: refusalNotice) }
        let bytes = lead + gathered
        let (written, reason) = writeAll(bytes)
        if written > 0 { endsInsideLine = bytes[written - 1] != Self.lineFeed }
        if written >= lead.count { refused.count = 0 }
        if let reason {
            let whole = bytes[..<written].dropFirst(lead.count).count { $0 == Self.lineFeed }
            refused = (refused.count + gatheredCount - whole, reason)
            uncountedRefusals += gatheredCount - whole
        }
        gathered.removeAll(keepingCapacity: true)
        gatheredCount = 0
    }

    /// Returns the number of refused lines since the last call.
    mutating func takeRefusedCount() -> Int {
        defer { uncountedRefusals = 0 }
        return uncountedRefusals
    }

    private var refusalNotice: LogLine {
        LogLine(
            .warning,
            "\(counted(refused.count, "line")) missing here: \(Errno(rawValue: refused.reason))")
    }

    /// - Returns: the number of bytes that the file accepted, and the error that ended the write.
    private func writeAll(_ bytes: [UInt8]) -> (written: Int, reason: Int32?) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                systemWrite(file, UnsafeRawBufferPointer(rebasing: $0[written...]))
            }
            if count > 0 {
                written += count
            } else if count == 0 {
                return (written, EIO)
            } else if errno == EAGAIN {
                waitForRoom()
            } else if errno != EINTR {
                return (written, errno)
            }
        }
        return (written, nil)
    }

    /// Waits until the file accepts bytes. Another process that shares the file may have made it
    /// non-blocking.
    private func waitForRoom() {
        var request = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        // At most a second: after SIGHUP the descriptor may refer to another file, while poll still waits for the old
        // one.
        poll(&request, 1, 1_000)
    }
}

/// Calls write(2), under a name that no method hides.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(file, bytes.baseAddress, bytes.count)
}
