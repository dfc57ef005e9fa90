import Foundation
import Synchronization
import Testing

@testable import ProgramKit

@Suite("Standard files")
struct StandardFilesTests {
    @Test("give up a text for a pipe that nobody reads after half a second")
    func fullPipe() throws {
        let ends = try filledPipe()
        defer { for end in ends { close(end) } }
        let start = ContinuousClock.now
        StandardFiles.write("text\n", to: ends[1])
        let time = start.duration(to: .now)
        #expect(time > .milliseconds(450))
        #expect(time < .seconds(10))
    }

    @Test("deliver a long text to a slow reader")
    func slowReader() throws {
        let ends = try filledPipe()
        let text = String(repeating: "0123456789", count: 10_000)
        let received = Received()
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 8192)
            while case let count = read(ends[0], &buffer, buffer.count), count > 0 {
                received.bytes.withLock { $0 += buffer.prefix(count) }
                usleep(1_000)
            }
            close(ends[0])
            done.signal()
        }
        StandardFiles.write(text, to: ends[1])
        close(ends[1])
        #expect(done.wait(timeout: .now() + 60) == .success)
        let shown = received.bytes.withLock { bytes in bytes.drop { $0 == 0x0a } }
        #expect(String(decoding: shown, as: UTF8.self) == text)
    }

    #if os(Linux)
        @Test(
            "do not keep a crash from ending the process, even if nobody reads the standard error")
        func crash() async throws {
            await #expect(processExitsWith: .failure) {
                // A child process must end by itself here. Nothing else would end it.
                alarm(60)
                signal(SIGALRM) { _ in _exit(0) }
                var ends: [Int32] = [-1, -1]
                guard pipe(&ends) == 0 else { _exit(0) }
                _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
                let bytes = [UInt8](repeating: 0x0a, count: 4096)
                while write(ends[1], bytes, bytes.count) > 0 {}
                _ = fcntl(ends[1], F_SETFL, 0)
                guard dup2(ends[1], STDERR_FILENO) == STDERR_FILENO else { _exit(0) }
                StandardFiles.keepErrorsFromBlocking()
                fatalError("this does not fit into the pipe")
            }
        }
    #endif

    private final class Received: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    private func filledPipe() throws -> [Int32] {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        let bytes = [UInt8](repeating: 0x0a, count: 4096)
        while write(ends[1], bytes, bytes.count) > 0 {}
        _ = fcntl(ends[1], F_SETFL, 0)
        return ends
    }
}
