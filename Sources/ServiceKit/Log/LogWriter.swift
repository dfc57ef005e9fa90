import Dispatch
import POSIX
import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Writes lines to a file: a bounded queue, and one thread that writes its lines.
///
/// A file that accepts nothing, such as a pipe that nobody reads, blocks only that thread. The
/// queue then fills up, and further lines are dropped and counted. The last quarter of the queue is
/// for warnings and errors, so that debug lines cannot crowd them out. The next queued line carries
/// the count, and the log says at that point how many lines are missing.
///
/// Memory: the queue's capacity, and the same again for the lines that the thread has taken.
///
/// The thread ends, and closes its file, when this object is deallocated and all lines are written.
final class LogWriter: Sendable {
    /// The capacity in bytes: the messages and fields of waiting lines, and 64 bytes per line for the rest. So at
    /// most 16,384 lines wait.
    static let defaultCapacity = 1 << 20
    private static let lineOverhead = 64

    private enum Element: Sendable {
        /// A line, and the number of lines dropped before it.
        case line(LogLine, droppedBefore: Int)
        /// Signalled when all lines before it are written.
        case mark(DispatchSemaphore)
    }

    private let queue: BlockingQueue<Element>
    private let capacity: Int
    private let counts = Counts()

    private final class Counts: Sendable {
        /// Dropped lines that the log has not reported yet.
        let untold = Atomic<Int>(0)
        let lost = Atomic<Int>(0)
    }

    /// - Parameters:
    ///   - file: open for writing; with `closesFile`, closed at the end, also if this throws.
    ///   - formatter: formats the lines.
    /// - Throws: `LogOpenError` if no thread can be created.
    init(
        to file: Int32, _ formatter: LineFormatter, closesFile: Bool,
        capacity: Int = defaultCapacity
    ) throws(LogOpenError) {
        queue = BlockingQueue(capacity: capacity)
        self.capacity = capacity
        do {
            _ = try WorkerThread(name: "log") { [queue, counts] in
                Self.run(queue, counts, LogFile(file, formatter))
                if closesFile { close(file) }
            }
        } catch {
            if closesFile { close(file) }
            throw LogOpenError("Unable to start the log: \(error)")
        }
    }

    deinit {
        queue.close()
    }

    /// The number of lines that were dropped or could not be written.
    var lostLineCount: Int { counts.lost.load(ordering: .relaxed) }

    /// Queues a line, or drops it if the queue is full. Never waits.
    func put(_ line: LogLine) {
        let dropped = counts.untold.exchange(0, ordering: .relaxed)
        let result = queue.put(
            .line(line, droppedBefore: dropped),
            weight: line.byteCount + Self.lineOverhead,
            reserve: line.level >= .warning ? 0 : capacity / 4)
        guard result != .queued else { return }
        counts.untold.add(dropped + 1, ordering: .relaxed)
        counts.lost.add(1, ordering: .relaxed)
    }

    /// Waits until the file has accepted or refused all lines so far.
    ///
    /// - Returns: false if that took longer than `time`.
    func flush(within time: Duration) -> Bool {
        let mark = DispatchSemaphore(value: 0)
        guard queue.put(.mark(mark), weight: 0) == .queued else { return false }
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        return mark.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success
    }

    private static func run(
        _ queue: BlockingQueue<Element>, _ counts: Counts, _ file: consuming LogFile
    ) {
        blockBrokenPipeSignal()
        while let elements = queue.takeAll() {
            for element in elements {
                switch element {
                case .line(let line, let dropped):
                    if dropped > 0 { file.add(notice(of: dropped)) }
                    file.add(line)
                case .mark(let mark):
                    write(&file, queue, counts)
                    mark.signal()
                }
            }
            write(&file, queue, counts)
        }
    }

    private static func write(
        _ file: inout LogFile, _ queue: BlockingQueue<Element>, _ counts: Counts
    ) {
        // No later line reports the lines that were dropped after the last queued one, so do it here.
        if queue.isEmpty {
            let dropped = counts.untold.exchange(0, ordering: .relaxed)
            if dropped > 0 { file.add(notice(of: dropped)) }
        }
        file.write()
        counts.lost.add(file.takeRefusedCount(), ordering: .relaxed)
    }

    private static func notice(of droppedCount: Int) -> LogLine {
        LogLine(
            .warning,
            "\(counted(droppedCount, "line")) missing here: the log was not written or read as fast "
                + "as they came")
    }

    /// Blocks SIGPIPE, so that a pipe without a reader is an error of the write even in a process
    /// that does not ignore the signal.
    private static func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
