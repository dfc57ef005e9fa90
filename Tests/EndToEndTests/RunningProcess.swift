import ChildProcess
import Foundation
import TestTools
import Testing

/// One of the package's executables, running as its users run it.
///
///     let server = try RunningProcess("immudb", ["--dir", folder.path, "-p", "0"])
///     try await server.waitForOutput("starting immudb")
///     server.terminate()
///     #expect(try await server.exitCode() == 0)
///
/// Its outputs go to files, so it never waits for a reader. The process is killed when this object
/// is destroyed.
final class RunningProcess {
    private let process: ChildProcess
    private let outputs: TemporaryFolder
    let name: String

    /// - Parameters:
    ///   - executable: the name of an executable of this package, or a path.
    ///   - environment: variables in addition to those of the tests, except for their HOME.
    ///   - directory: the working folder and HOME; by default the tests' working folder, and a new
    ///     HOME.
    ///   - input: the content of its standard input.
    init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, input: String = ""
    ) throws {
        name = executable
        outputs = TemporaryFolder()
        for (file, content) in [("stdin", input), ("stdout", ""), ("stderr", "")] {
            try Data(content.utf8).write(to: outputs.file(file))
        }
        let (input, output, errors) = (
            try FileHandle(forReadingFrom: outputs.file("stdin")),
            try FileHandle(forWritingTo: outputs.file("stdout")),
            try FileHandle(forWritingTo: outputs.file("stderr"))
        )
        process = try ChildProcess(
            Self.path(of: executable), arguments,
            environment: ProcessInfo.processInfo.environment
                .merging(["HOME": directory ?? outputs.path]) { $1 }.merging(environment) { $1 },
            directory: directory,
            streams: ChildProcess.Streams(
                input: input.fileDescriptor, output: output.fileDescriptor,
                errors: errors.fileDescriptor))
        withExtendedLifetime((input, output, errors)) {}
    }

    /// Starts a process with 40 connections to a port of this machine, on which nothing is sent. It says "connected".
    static func idleClients(of port: Int) throws -> RunningProcess {
        try RunningProcess(
            "/bin/bash",
            [
                "-c",
                "for number in $(seq 40); do exec {client}<>/dev/tcp/127.0.0.1/\(port); done; echo connected; "
                    + "exec tail -f /dev/null",
            ])
    }

    deinit {
        kill()
    }

    /// The standard output so far.
    var output: String { text(of: "stdout") }
    /// The standard error so far.
    var errors: String { text(of: "stderr") }
    var isRunning: Bool { process.isRunning }
    var identifier: Int32 { process.identifier }
    /// The time of its end, or nil while it runs.
    var endedAt: ContinuousClock.Instant? { process.endedAt }

    /// Sends SIGTERM.
    func terminate() { send(SIGTERM) }
    /// Sends SIGKILL.
    func kill() { send(SIGKILL) }

    func send(_ signal: Int32) { process.send(signal) }

    /// Waits until a line of either output contains a text.
    ///
    /// - Returns: the first such line.
    /// - Throws: an error if the process ends before, or does not write the text in time. The
    ///   test's output then shows the process's output.
    @discardableResult
    func waitForOutput(_ text: String, timeoutSeconds: Double = 20) async throws -> String {
        let end = Date(timeIntervalSinceNow: timeoutSeconds)
        while true {
            let hasEnded = !process.isRunning
            let lines = (errors + output).split(separator: "\n")
            if let line = lines.first(where: { $0.contains(text) }) { return String(line) }
            if hasEnded { throw Unexpected("\(process.ended.map { "\($0)" } ?? "")", self) }
            if Date() > end { throw Unexpected("did not write \"\(text)\"", self) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until the process has ended.
    ///
    /// - Returns: its exit code, or 128 + the signal that ended it, as a shell does.
    func exitCode(timeoutSeconds: Double = 30) async throws -> Int32 {
        let end = Date(timeIntervalSinceNow: timeoutSeconds)
        while true {
            switch process.ended {
            case .exited(let code): return code
            case .signalled(let signal): return 128 + signal
            case nil: break
            }
            if Date() > end { throw Unexpected("did not end", self) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func text(of file: String) -> String {
        let bytes = try? Data(contentsOf: outputs.file(file))
        return String(decoding: bytes ?? Data(), as: UTF8.self)
    }

    /// Returns the path of an executable of this package. A path is returned unchanged.
    static func path(of executable: String) throws -> String {
        let path =
            executable.contains("/")
            ? executable : try buildFolder().appendingPathComponent(executable).path
        try #require(
            FileManager.default.isExecutableFile(atPath: path),
            "\(path) is not built: run make test")
        return path
    }

    /// Returns the folder of the executables, which is that of the test bundle.
    private static func buildFolder() throws -> URL {
        let bundles = [Bundle.main] + Bundle.allBundles
        let bundle = bundles.first { $0.bundlePath.hasSuffix(".xctest") }
        if let bundle { return bundle.bundleURL.deletingLastPathComponent() }
        return try #require(Bundle.main.executableURL).deletingLastPathComponent()
    }

    private struct Unexpected: Error, CustomStringConvertible {
        let description: String

        init(_ what: String, _ process: RunningProcess) {
            description = """
                \(process.name) \(what); standard output:
                \(process.output)
                standard error:
                \(process.errors)
                """
        }
    }
}

/// The result of a process that has ended.
struct FinishedProcess {
    let exitCode: Int32
    let output: String
    let errors: String
    /// The standard error without the notice of a first contact.
    var complaints: String {
        errors.replacing(/First contact with .*, which is empty\.\n/, with: "")
            .replacing(/First contact with [^?]*\? Compare .*\n/, with: "")
            .replacing(/\{"firstContact":.*\}\n/, with: "")
    }

    /// Runs an executable to its end.
    static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, input: String = "", timeoutSeconds: Double = 60
    ) async throws -> FinishedProcess {
        let process = try RunningProcess(
            executable, arguments, environment: environment, directory: directory, input: input)
        let code = try await process.exitCode(timeoutSeconds: timeoutSeconds)
        return FinishedProcess(exitCode: code, output: process.output, errors: process.errors)
    }
}

/// `immudb` on a free port of the loopback, serving.
final class RunningServer {
    let process: RunningProcess
    /// The port that it listens on.
    let port: Int

    /// Starts a server and returns when it serves.
    ///
    /// - Parameters:
    ///   - port: 0 lets the server take a free port.
    init(
        dir: String, port: Int = 0, arguments: [String] = [], environment: [String: String] = [:]
    ) async throws {
        process = try RunningProcess(
            "immudb", ["--dir", dir, "-p", "\(port)", "--metrics-port", "0"] + arguments,
            environment: environment)
        let line = try await process.waitForOutput("starting immudb: ")
        let number = try #require(line.firstMatch(of: /"Port":([0-9]+)/)?.1)
        self.port = try #require(Int(number))
    }

    /// The port at which its metrics are served.
    func metricsPort() throws -> Int {
        let match = process.errors.firstMatch(of: /"MetricsPort":([0-9]+)/)
        return try #require(match.flatMap { Int($0.1) })
    }

    /// Sends SIGTERM, and returns the exit code.
    func stop() async throws -> Int32 {
        process.terminate()
        return try await process.exitCode()
    }
}
