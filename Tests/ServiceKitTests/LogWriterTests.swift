import Foundation
import StorageIO
import Synchronization
import Testing

@testable import ServiceKit

@Suite("The writer of the log")
struct LogWriterTests {
    @Test("never waits for a pipe that nobody reads, and says how many lines it dropped")
    func pipeThatNobodyReads() throws {
        let pipe = try Pipe()
        var writer: LogWriter? = try pipe.writer()
        let count = 50_000
        let start = ContinuousClock.now
        for number in 0..<count {
            writer?.put(LogLine(.info, "line \(number) \(String(repeating: "x", count: 50))"))
        }
        #expect(writer?.flush(within: .milliseconds(200)) == false)
        // A line takes microseconds. The limit leaves room for a busy machine, and still detects a
        // wait.
        #expect(start.duration(to: .now) < .seconds(20))
        let lost = try #require(writer?.lostLineCount)
        #expect((1..<count).contains(lost))

        let reader = pipe.readToEnd()
        #expect(writer?.flush(within: .seconds(60)) == true)
        writer?.put(LogLine(.info, "line \(count)"))
        #expect(writer?.lostLineCount == lost)
        writer = nil
        let lines = reader.lines()
        let numbers = lines.compactMap { $0.firstMatch(of: /INFO: line ([0-9]+)/)?.1 }.map {
            Int($0)!
        }
        #expect(numbers == numbers.sorted())
        #expect(numbers.count == count + 1 - lost)
        #expect(numbers.last == count)
        // Find the gaps, and count the missing lines.
        var missing = 0
        for (line, next) in zip(lines, lines.dropFirst()) {
            guard let told = line.firstMatch(of: /WARNING: ([0-9]+) lines? missing here/)?.1 else {
                continue
            }
            missing += Int(told)!
            #expect(next.contains("INFO: line "))
        }
        #expect(missing == lost)
    }

    @Test("reports dropped lines also at the end, when no further line has their number")
    func droppedAtTheEnd() throws {
        let pipe = try Pipe()
        var writer: LogWriter? = try pipe.writer(capacity: 1000)
        for number in 0..<5_000 { writer?.put(LogLine(.info, "line \(number)")) }
        let lost = try #require(writer?.lostLineCount)
        #expect(lost > 0)
        let reader = pipe.readToEnd()
        #expect(writer?.flush(within: .seconds(60)) == true)
        writer = nil
        let told = reader.lines().compactMap {
            $0.firstMatch(of: /WARNING: ([0-9]+) lines? missing here/)?.1
        }
        #expect(told.reduce(0) { $0 + Int($1)! } == lost)
    }

    @Test("keeps room for errors beside a flood of other lines")
    func roomForErrors() throws {
        let pipe = try Pipe()
        pipe.fill()
        var writer: LogWriter? = try pipe.writer(capacity: 10_000)
        for number in 0..<1_000 { writer?.put(LogLine(.debug, "line \(number)")) }
        let lost = try #require(writer?.lostLineCount)
        #expect(lost > 0)
        writer?.put(LogLine(.error, "the disk is full"))
        #expect(writer?.lostLineCount == lost)
        let reader = pipe.readToEnd()
        writer = nil
        let lines = reader.lines()
        #expect(lines.last?.hasSuffix("ERROR: the disk is full") == true)
    }

    @Test("loses nothing and keeps the order if the file is read")
    func order() throws {
        let pipe = try Pipe()
        let reader = pipe.readToEnd()
        var writer: LogWriter? = try pipe.writer()
        for number in 0..<10_000 {
            writer?.put(LogLine(number % 2 == 0 ? .info : .error, "line \(number)"))
            if number % 1_000 == 999 { #expect(writer?.flush(within: .seconds(60)) == true) }
        }
        #expect(writer?.lostLineCount == 0)
        writer = nil
        let lines = reader.lines()
        #expect(lines.count == 10_000)
        for (number, line) in lines.enumerated() {
            #expect(line.hasPrefix("test 2") && line.hasSuffix(": line \(number)"))
        }
    }

    @Test("waits for room in a pipe that another process has made non-blocking")
    func notBlocking() throws {
        let pipe = try Pipe()
        _ = fcntl(pipe.writing, F_SETFL, O_NONBLOCK)
        var writer: LogWriter? = try pipe.writer()
        for number in 0..<5_000 { writer?.put(LogLine(.info, "line \(number)")) }
        #expect(writer?.flush(within: .milliseconds(50)) == false)
        let reader = pipe.readToEnd()
        #expect(writer?.flush(within: .seconds(60)) == true)
        #expect(writer?.lostLineCount == 0)
        writer = nil
        #expect(reader.lines().count == 5_000)
    }

    @Test("counts lines that a full disk refuses")
    func fullDisk() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        let log = try ServerLog.file("/dev/full", program: "immudb", level: .info)
        for number in 0..<100 { log.info("line \(number)") }
        #expect(log.flush(within: .seconds(60)))
        #expect(log.lostLineCount == 100)
    }

    @Test(
        "continues when the reader of a pipe has left, and tells the next one how much is missing")
    func readerThatLeaves() throws {
        let folder = try Folder()
        let path = folder.path + "/log"
        #expect(mkfifo(path, 0o600) == 0)
        let first = open(path, O_RDONLY | O_NONBLOCK)
        let log = try ServerLog.file(path, program: "immudb", level: .info)
        log.info("read")
        #expect(log.flush(within: .seconds(60)))
        var buffer = [UInt8](repeating: 0, count: 4096)
        #expect(read(first, &buffer, buffer.count) > 0)
        close(first)
        for number in 0..<3 { log.info("line \(number)") }
        #expect(log.flush(within: .seconds(60)))
        #expect(log.lostLineCount == 3)
        let second = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(second) }
        log.info("read again")
        #expect(log.flush(within: .seconds(60)))
        let count = read(second, &buffer, buffer.count)
        let lines = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).split(
            separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix("WARNING: 3 lines missing here: Broken pipe") == true)
        #expect(lines.last?.hasSuffix("INFO: read again") == true)
    }

    @Test("refuses a pipe without a reader at once")
    func pipeWithoutReader() throws {
        let folder = try Folder()
        let path = folder.path + "/log"
        #expect(mkfifo(path, 0o600) == 0)
        let error = try #require(throws: LogOpenError.self) {
            _ = try ServerLog.file(path, program: "immudb", level: .info)
        }
        #expect(error.message == "Unable to create log file \(path): nobody reads this pipe")
    }

    @Test("begins a new line after one that the file took only in part")
    func cutLine() throws {
        let folder = try Folder()
        let path = folder.path + "/log"
        #expect(mkfifo(path, 0o600) == 0)
        let first = open(path, O_RDONLY | O_NONBLOCK)
        let log = try ServerLog.file(path, program: "immudb", level: .info)
        // With what stands before it, more than a pipe holds.
        log.info(String(repeating: "x", count: LogLine.maxByteCount))
        #expect(!log.flush(within: .milliseconds(200)))
        close(first)
        #expect(log.flush(within: .seconds(60)))
        #expect(log.lostLineCount == 1)
        let second = open(path, O_RDONLY | O_NONBLOCK)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var text = ""
        func readAll() {
            while case let count = read(second, &buffer, buffer.count), count > 0 {
                text += String(decoding: buffer.prefix(count), as: UTF8.self)
            }
        }
        readAll()
        log.info("whole")
        #expect(log.flush(within: .seconds(60)))
        readAll()
        close(second)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.first?.hasSuffix("xxx") == true)
        #expect(lines.dropFirst().first?.hasSuffix("1 line missing here: Broken pipe") == true)
        #expect(lines.last?.hasSuffix("INFO: whole") == true)
    }

    @Test("cuts a message that is longer than 64 KiB")
    func longMessage() throws {
        let text = LogLine(.info, String(repeating: "ä", count: 100_000)).text
        #expect(text.utf8.count < 66_000)
        #expect(text.hasSuffix("ä…"))
    }

    // MARK: pieces

    private final class Folder {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("log-writer-test-\(UUID().uuidString)").path

        init() throws {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    /// A pipe whose writing end is passed to a log.
    private final class Pipe {
        let reading: Int32
        let writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        /// Passes the writing end to a writer.
        func writer(capacity: Int = LogWriter.defaultCapacity) throws -> LogWriter {
            try LogWriter(
                to: writing, LineFormatter(.text, program: "test"), closesFile: true,
                capacity: capacity)
        }

        /// Fills the pipe with empty lines.
        func fill() {
            let old = fcntl(writing, F_GETFL)
            _ = fcntl(writing, F_SETFL, old | O_NONBLOCK)
            let lines = [UInt8](repeating: 0x0a, count: 4096)
            while write(writing, lines, lines.count) > 0 {}
            _ = fcntl(writing, F_SETFL, old)
        }

        /// Passes the reading end to a reader.
        func readToEnd() -> Reader { Reader(reading) }
    }

    /// Reads a pipe on a thread of its own.
    private final class Reader: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        private let ended = DispatchSemaphore(value: 0)

        init(_ file: Int32) {
            Thread.detachNewThread { [self] in
                var buffer = [UInt8](repeating: 0, count: 65536)
                while true {
                    let count = read(file, &buffer, buffer.count)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { break }
                    bytes.withLock { $0 += buffer.prefix(count) }
                }
                close(file)
                ended.signal()
            }
        }

        /// Returns all lines once the writing end is closed.
        func lines() -> [String] {
            #expect(ended.wait(timeout: .now() + 60) == .success)
            return bytes.withLock { String(decoding: $0, as: UTF8.self) }.split(separator: "\n")
                .map(String.init)
        }
    }
}
