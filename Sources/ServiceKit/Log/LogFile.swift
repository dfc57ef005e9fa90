import POSIX
import StorageIO

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The file of a log, as its thread sees it: gathers lines, writes them, and remembers those that
/// the file refused until it can say so in the file.
///
/// One write has whole lines and at most 4,096 bytes, unless a line is longer: as much as a pipe
/// takes in one piece (`PIPE_BUF` on Linux), so that lines do not mix with those of other processes.
struct LogFile: ~Copyable {
    private static let gatheredByteCount = 4096
    private static let lineFeed = UInt8(ascii: "\n")

    private let file: Int32
    private var formatter: LineFormatter
    private var gathered: [UInt8] = []
    private var gatheredCount = 0
    /// Lines that the file refused since the last write that went well, and why.
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

    /// Writes what is gathered. Waits as long as the file does not take it; what it refuses, by an
    /// error, is given up.
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

    /// Lines refused since this was last asked.
    mutating func takeRefusedCount() -> Int {
        defer { uncountedRefusals = 0 }
        return uncountedRefusals
    }

    private var refusalNotice: LogLine {
        LogLine(
            .warning,
            "\(counted(refused.count, "line")) missing here: \(Errno(rawValue: refused.reason))")
    }

    /// - Returns: how many bytes the file took, and the error that ended it.
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

    /// For a file that another process, which has it too, has set not to block.
    private func waitForRoom() {
        var request = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        // At most a second: SIGHUP may have put another file under the number, and poll goes on waiting for the old one.
        poll(&request, 1, 1_000)
    }
}

/// One write(2), under a name that no method hides.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(file, bytes.baseAddress, bytes.count)
}
