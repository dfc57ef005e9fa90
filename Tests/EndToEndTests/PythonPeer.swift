import Foundation
import Testing

/// Runs the scripts beside these tests: clients that share no code with the code under test. They
/// run in the virtual environment that `make test` sets up.
enum PythonPeer {
    /// Runs a script of `Python/` to its end, and expects that it succeeded.
    ///
    /// - Parameter server: the server that it calls, whose log is shown if the script fails.
    /// - Returns: the script's output.
    @discardableResult
    static func run(
        _ script: String, _ arguments: [String], against server: RunningServer? = nil,
        timeoutSeconds: Double = 120,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let path = folder.appendingPathComponent(script).path
        let finished = try await FinishedProcess.run(
            interpreter(), [path] + arguments, timeoutSeconds: timeoutSeconds)
        let state = server.map { server in
            "server, \(server.process.isRunning ? "running" : "ended"):\n\(server.process.errors)"
        }
        try #require(
            finished.exitCode == 0,
            "\(script): \(finished.output)\(finished.errors)\(state ?? "")",
            sourceLocation: sourceLocation)
        return finished.output
    }

    /// Starts a script of `Python/` that runs until it is killed.
    static func start(_ script: String, _ arguments: [String] = []) throws -> RunningProcess {
        let path = folder.appendingPathComponent(script).path
        return try RunningProcess(interpreter(), [path] + arguments)
    }

    /// Runs a program as a job of a shell at a terminal, and answers its prompts.
    ///
    /// - Parameter keys: the keys to type after each prompt.
    static func typing(
        _ keys: [String], into executable: String, _ arguments: [String],
        environment: [String: String], directory: String
    ) async throws -> FinishedProcess {
        try await job(
            keys.map { ("{prompt}", $0) }, executable, arguments, environment: environment,
            directory: directory)
    }

    /// Runs a program as a job of a shell at a terminal; see `Python/job.py`.
    ///
    /// - Parameter steps: the text to wait for, and the keys to type then.
    static func job(
        _ steps: [(wait: String, keys: String)], _ executable: String, _ arguments: [String],
        environment: [String: String], directory: String
    ) async throws -> FinishedProcess {
        let script = folder.appendingPathComponent("job.py").path
        let program = try RunningProcess.path(of: executable)
        return try await FinishedProcess.run(
            interpreter(),
            [script, program] + arguments + ["--"] + steps.flatMap { [$0.wait, $0.keys] },
            environment: environment, directory: directory, timeoutSeconds: 120)
    }

    /// Runs a program that draws on the whole terminal; see `Python/screen.py`.
    static func screen(
        _ steps: [String], _ executable: String, _ arguments: [String],
        environment: [String: String], directory: String
    ) async throws -> FinishedProcess {
        let script = folder.appendingPathComponent("screen.py").path
        let program = try RunningProcess.path(of: executable)
        return try await FinishedProcess.run(
            interpreter(), [script, program] + arguments + ["--"] + steps,
            environment: environment, directory: directory, timeoutSeconds: 200)
    }

    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Python")

    static func interpreter() throws -> String {
        if let path = ProcessInfo.processInfo.environment["IMMUDB_TEST_PYTHON"] { return path }
        var place = folder
        while place.path != "/" {
            let python = place.appendingPathComponent(".venv/bin/python3").path
            if FileManager.default.isExecutableFile(atPath: python) { return python }
            place = place.deletingLastPathComponent()
        }
        throw Missing()
    }

    private struct Missing: Error, CustomStringConvertible {
        let description = "no Python environment for the tests: run make test"
    }
}
