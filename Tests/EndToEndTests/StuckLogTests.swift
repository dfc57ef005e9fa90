import ChildProcess
import Foundation
import ImmudbClient
import Synchronization
import TestTools
import Testing

/// An `immudb` that logs to a pipe that nobody reads.
@Suite("immudb with a log that takes nothing")
struct StuckLogTests {
    @Test("serves 20,000 calls and stops, with every call in a log that nobody reads")
    func errorsThatNobodyReads() async throws {
        let data = TemporaryFolder()
        let pipe = try Pipe()
        let server = try Server(data, errors: pipe.writing)
        let client = try await server.client(data)
        let key = Array("key".utf8)
        _ = try await client.rawSet(key, key)
        // The pipe holds about 1,000 lines, the log's queue about 10,000.
        let early = try await times(of: 500, client, key)
        let middle = try await times(of: 14_500, client, key)
        let late = try await times(of: 5_000, client, key)
        let (normal, stuck) = (median(early), median(late))
        #expect(stuck < normal * 5 + .milliseconds(20), "\(normal) before, \(stuck) after")
        #expect((middle + late).max()! < .seconds(10))
        await client.close()
        try await server.expectStop()
        // The log is stuck: the pipe is full, and its last line is one of the first that were
        // logged.
        let lines = String(decoding: pipe.content(), as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 500)
        #expect(lines.contains { $0.contains("DEBUG: get key 3 bytes") })
        #expect(!lines.contains { $0.contains("caught SIGTERM") })
    }

    @Test("writes its last lines where they are read, and says how many were dropped before them")
    func readAtTheEnd() async throws {
        let data = TemporaryFolder()
        let pipe = try Pipe()
        let server = try Server(data, errors: pipe.writing)
        pipe.closeWriting()
        let client = try await server.client(data)
        let key = Array("key".utf8)
        _ = try await client.rawSet(key, key)
        _ = try await times(of: 20_000, client, key)
        await client.close()
        let reader = pipe.readToEnd()
        let end = Date(timeIntervalSinceNow: 60)
        while !reader.text.contains(" missing here: ") {
            try #require(Date() < end, "the log does not go on")
            try await Task.sleep(for: .milliseconds(10))
        }
        try await server.expectStop()
        while !reader.hasEnded {
            try #require(Date() < end, "the log does not end")
            try await Task.sleep(for: .milliseconds(10))
        }
        let lines = reader.text.split(separator: "\n")
        let missing = lines.compactMap {
            $0.firstMatch(of: /WARNING: ([0-9]+) lines? missing here/)?.1
        }.reduce(0) { $0 + Int($1)! }
        let gets = lines.count { $0.contains("DEBUG: get key 3 bytes") }
        // A few of the missing lines may be others.
        #expect((20_000...20_010).contains(gets + missing), "\(gets) gets, \(missing) missing")
        #expect(missing > 0)
        #expect(lines.last?.hasSuffix("INFO: shutdown completed") == true)
    }

    @Test(
        "serves and stops with a log file on a full disk, or in a pipe that its reader does not read",
        arguments: ["/dev/full", "pipe"])
    func logFile(name: String) async throws {
        guard name == "pipe" || FileManager.default.fileExists(atPath: name) else { return }
        let data = TemporaryFolder()
        var reader: Int32 = -1
        if name == "pipe" {
            #expect(mkfifo(data.file("pipe").path, 0o600) == 0)
            reader = open(data.file("pipe").path, O_RDONLY | O_NONBLOCK)
        }
        defer { if reader >= 0 { close(reader) } }
        let server = try Server(data, arguments: ["--logfile", name])
        let client = try await server.client(data)
        let key = Array("key".utf8)
        _ = try await client.rawSet(key, key)
        _ = try await times(of: 3_000, client, key)
        await client.close()
        try await server.expectStop()
    }

    @Test("serves and stops when the reader of its standard error has left")
    func closedPipe() async throws {
        let data = TemporaryFolder()
        let pipe = try Pipe()
        pipe.closeReading()
        let server = try Server(data, errors: pipe.writing)
        pipe.closeWriting()
        let client = try await server.client(data)
        _ = try await client.rawSet(Array("key".utf8), [1])
        await client.close()
        try await server.expectStop()
    }

    @Test("ends with 1 when it cannot start and cannot say so")
    func failedStart() async throws {
        let data = TemporaryFolder()
        let pipe = try Pipe()
        pipe.fill()
        for arguments in [["--foo"], ["-p", "many"], ["-a", "192.0.2.1"]] {
            let process = try ChildProcess(
                RunningProcess.path(of: "immudb"), ["--dir", data.path] + arguments,
                environment: ProcessInfo.processInfo.environment,
                streams: .init(output: pipe.writing, errors: pipe.writing))
            #expect(try await exit(of: process) == .exited(1), "\(arguments)")
        }
    }

    // MARK: pieces

    /// An `immudb` that logs every call, on a port that was free before.
    private final class Server {
        let process: ChildProcess
        let port: Int

        init(_ data: TemporaryFolder, arguments: [String] = [], errors: Int32? = nil) throws {
            port = try Self.freePort()
            process = try ChildProcess(
                RunningProcess.path(of: "immudb"),
                ["--dir", data.file("db").path, "-p", "\(port)"] + arguments,
                environment: ProcessInfo.processInfo.environment.merging(["LOG_LEVEL": "debug"]) {
                    $1
                },
                directory: data.path, streams: .init(errors: errors))
        }

        deinit { process.send(SIGKILL) }

        /// Returns a client as soon as the server serves.
        func client(_ data: TemporaryFolder) async throws -> ImmudbClient {
            let end = Date(timeIntervalSinceNow: 60)
            while true {
                do {
                    return try await ImmudbClient.connect(
                        ImmudbClient.Configuration(
                            port: port, connectTimeoutMilliseconds: 10_000,
                            callTimeoutMilliseconds: 60_000),
                        trustedRoots: FileTrustedRootStore(directory: data.path),
                        firstContact: .trustOnFirstUse)
                } catch {
                    guard Date() < end, process.isRunning else { throw error }
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }

        /// Sends SIGTERM. No call runs, so the longest wait is that for the log, 500 ms.
        func expectStop() async throws {
            let start = ContinuousClock.now
            process.send(SIGTERM)
            #expect(try await exit(of: process) == .exited(0))
            let end = try #require(process.endedAt)
            #expect(start.duration(to: end) < .seconds(5))
        }

        private static func freePort() throws -> Int {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(socket, $0, length) + getsockname(socket, $0, &length)
                }
            }
            try #require(result == 0)
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    private final class Pipe: Sendable {
        let reading: Int32
        let writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (reading, writing) = (ends[0], dup(ends[1]))
            close(ends[1])
            _ = fcntl(writing, F_SETFD, FD_CLOEXEC)
        }

        func closeReading() { close(reading) }
        func closeWriting() { close(writing) }

        func fill() {
            _ = fcntl(writing, F_SETFL, O_NONBLOCK)
            let lines = [UInt8](repeating: 0x0a, count: 4096)
            while write(writing, lines, lines.count) > 0 {}
            _ = fcntl(writing, F_SETFL, 0)
        }

        /// Returns the bytes that are in the pipe now.
        func content() -> [UInt8] {
            _ = fcntl(reading, F_SETFL, O_NONBLOCK)
            return readAll()
        }

        /// Reads until no process has the writing end open.
        func readToEnd() -> Reader { Reader(reading) }

        private func readAll() -> [UInt8] {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while case let count = read(reading, &buffer, buffer.count), count > 0 {
                bytes += buffer.prefix(count)
            }
            return bytes
        }
    }

    /// Reads a pipe on a thread of its own.
    private final class Reader: Sendable {
        private let state = Mutex<(bytes: [UInt8], hasEnded: Bool)>(([], false))

        var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
        var hasEnded: Bool { state.withLock { $0.hasEnded } }

        init(_ file: Int32) {
            Thread.detachNewThread { [self] in
                var buffer = [UInt8](repeating: 0, count: 65536)
                while case let count = read(file, &buffer, buffer.count), count > 0 {
                    state.withLock { $0.bytes += buffer.prefix(count) }
                }
                state.withLock { $0.hasEnded = true }
            }
        }
    }

    /// Gets a key, with 32 calls at a time.
    private func times(
        of count: Int, _ client: ImmudbClient, _ key: [UInt8]
    ) async throws -> [Duration] {
        let width = 32
        return try await withThrowingTaskGroup(of: [Duration].self) { group in
            for lane in 0..<width {
                group.addTask {
                    var times: [Duration] = []
                    for _ in stride(from: lane, to: count, by: width) {
                        let start = ContinuousClock.now
                        _ = try await client.get(key)
                        times.append(start.duration(to: .now))
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func median(_ times: [Duration]) -> Duration { times.sorted()[times.count / 2] }
}

/// Waits for the end of a process.
private func exit(of process: ChildProcess) async throws -> ChildProcess.End {
    let end = Date(timeIntervalSinceNow: 60)
    while true {
        if let ended = process.ended { return ended }
        try #require(Date() < end, "it does not end")
        try await Task.sleep(for: .milliseconds(5))
    }
}
