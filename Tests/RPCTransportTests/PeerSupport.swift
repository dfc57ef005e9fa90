import ChildProcess
import Foundation
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

/// Tests that use sockets run one after another, since some measure time or this process's memory.
@Suite("RPCTransport over loopback", .serialized)
enum NetworkTests {}

/// A Python program of `Peers/` that runs beside the test.
///
/// Its interpreter is `.venv/bin/python3` at the root of the package, which `make test` sets up, or
/// the one that IMMUDB_TEST_PYTHON names. IMMUDB_TEST_VERBOSE shows its errors and the time of each
/// check.
final class Peer: Sendable {
    private let process: ChildProcess
    private let output: FileHandle

    init(_ program: String, _ arguments: [String] = []) throws {
        let peers = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Peers")
        let pipe = Pipe()
        let isVerbose = ProcessInfo.processInfo.environment["IMMUDB_TEST_VERBOSE"] != nil
        var environment = ProcessInfo.processInfo.environment
        environment["GRPC_VERBOSITY"] = "NONE"
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        output = pipe.fileHandleForReading
        process = try ChildProcess(
            Self.python().path, ["-u", peers.appending(path: program).path] + arguments,
            environment: environment,
            streams: ChildProcess.Streams(
                output: pipe.fileHandleForWriting.fileDescriptor,
                errors: isVerbose ? STDERR_FILENO : nil))
        try pipe.fileHandleForWriting.close()
    }

    /// Returns all lines that it prints until it ends.
    func lines() async -> [String] {
        await onThread {
            let data = (try? self.output.readToEnd()) ?? Data()
            self.process.waitUntilEnd()
            return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    /// Returns the next line.
    func line() async -> String {
        await onThread {
            var bytes: [UInt8] = []
            while let byte = try? self.output.read(upToCount: 1), let first = byte.first {
                if first == UInt8(ascii: "\n") { break }
                bytes.append(first)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    func stop() {
        process.send(SIGTERM)
    }

    func kill() {
        process.send(SIGKILL)
        process.waitUntilEnd()
    }

    private static func python() throws -> URL {
        if let path = ProcessInfo.processInfo.environment["IMMUDB_TEST_PYTHON"] {
            return URL(filePath: path)
        }
        var folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let python = folder.appending(path: ".venv/bin/python3")
            if FileManager.default.isExecutableFile(atPath: python.path) { return python }
            folder.deleteLastPathComponent()
        }
        throw MissingPython()
    }

    struct MissingPython: Error, CustomStringConvertible {
        var description: String { "no Python with grpcio: run make test, which sets it up" }
    }
}

/// Runs blocking work on a thread of its own.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// The results of the checks of a Python program, by name.
struct CheckResults: Sendable {
    private var results: [String: String] = [:]

    init(_ lines: [String]) {
        for line in lines {
            if line.hasPrefix("ok ") {
                results[String(line.dropFirst(3))] = "ok"
            } else if line.hasPrefix("FAILED "), let colon = line.range(of: ": ") {
                let name = line[line.index(line.startIndex, offsetBy: 7)..<colon.lowerBound]
                results[String(name)] = String(line[colon.upperBound...])
            }
        }
    }

    var names: Set<String> { Set(results.keys) }

    func expectAll(_ names: [String], _ location: SourceLocation = #_sourceLocation) {
        for name in names {
            let result = results[name] ?? "it did not run"
            #expect(result == "ok", "\(name): \(result)", sourceLocation: location)
        }
        let unexpected = self.names.subtracting(names)
        #expect(
            unexpected.isEmpty, "checks that no test names: \(unexpected)", sourceLocation: location
        )
    }
}

/// The counts of the test server.
final class Counters: Sendable {
    /// The number of conversations' questions that were answered.
    let questions = Atomic<Int>(0)
    let held = Atomic<Int>(0)
    let cancelled = Atomic<Int>(0)
    let streamed = Atomic<Int>(0)
    let streamsEnded = Atomic<Int>(0)
    let connections = Atomic<Int>(0)

    var text: String {
        "held=\(held.load(ordering: .relaxed)) cancelled=\(cancelled.load(ordering: .relaxed))"
            + " streamed=\(streamed.load(ordering: .relaxed))"
            + " streamsEnded=\(streamsEnded.load(ordering: .relaxed))"
            + " connections=\(connections.load(ordering: .relaxed))"
    }
}

/// Waits for an event that happens soon on another thread. Returns false after a timeout.
func eventually(
    within time: Duration = .seconds(5), _ condition: () async throws -> Bool
) async throws -> Bool {
    for _ in 0..<Int(time / .milliseconds(10)) {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}

/// Runs work that must not take more memory than a limit. Tries up to five times, and one success
/// is sufficient: other tests run at the same time, and their memory counts as well.
func growing<Result>(
    byLessThan limit: Int, _ body: () async throws -> Result
) async throws -> Result {
    var growths: [Int] = []
    while true {
        let before = try residentByteCount()
        let result = try await body()
        growths.append(try residentByteCount() - before)
        if growths.contains(where: { $0 < limit }) { return result }
        if growths.count == 5 {
            Issue.record("took \(growths) bytes, not less than \(limit)")
            return result
        }
    }
}

private func residentByteCount() throws -> Int {
    let statm = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = statm.split(separator: " ")[1]
    return try #require(Int(pages)) * 4096
}

/// Returns the error that must end a call.
func failure<Result>(_ body: () async throws -> Result) async throws -> RPCError {
    do {
        _ = try await body()
    } catch let error as RPCError {
        return error
    }
    throw UnexpectedSuccess()
}

struct UnexpectedSuccess: Error {}
