import Foundation
import Synchronization
import TestTools

@testable import SystemServices

/// A folder in place of a machine. Commands are recorded, not run.
final class StandInMachine: Sendable {
    let folder = TemporaryFolder()
    let commands = NotedCommands()
    private let outside = TemporaryFolder()

    init() { folder.makeFolder("") }

    /// The machine that `--root` names: nothing is run.
    var image: Machine {
        Machine(root: folder.path, commands: commands, hasSystemd: false)
    }

    /// This machine, with root, users and systemd.
    var machine: Machine {
        Machine(root: folder.path, commands: commands, hasSystemd: true, isStandIn: false)
    }

    /// Makes a program that can be installed, with its version in its page.
    func program(_ name: String = "immudb", version: Int = 1) throws -> String {
        let path = outside.file("\(name)-\(version)").path
        let text = """
            #!/bin/sh
            # version \(version)
            [ "$1" = mangen ] && echo ".TH \(name) \(version)" > "$2/\(name).1"
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o755)
        return path
    }

    func source(_ service: ServiceDefinition = .immudb, version: Int = 1) throws -> ExecutableSource
    {
        let path = try program(service.name, version: version)
        return ExecutableSource(
            path: path, digest: try MachineFiles.digest(ofFileAt: path),
            manPage: .text(".TH \(service.name) \(version)\n"))
    }

    /// Performs a request.
    ///
    /// - Returns: the lines that were printed.
    @discardableResult
    func run(
        _ words: String..., answers: [String: Bool] = [:], on machine: Machine? = nil,
        prepare: (inout ServiceRequest) -> Void = { _ in }
    ) throws -> [String] {
        let lines = Mutex<[String]>([])
        let dialog = ServiceDialog(
            isTerminal: false, say: { line in lines.withLock { $0.append(line) } },
            confirm: { question, byDefault throws(ServiceError) in
                lines.withLock { $0.append(question) }
                return answers[question] ?? byDefault
            })
        var request = try ServiceRequest(words)
        if request.verb == .install { request.localFile = try program(request.service) }
        prepare(&request)
        do {
            try ServiceTask(
                request, on: machine ?? self.machine, dialog: dialog, programFolder: outside.path
            ).run()
        } catch {
            throw Failure(error: error, lines: lines.withLock { $0 })
        }
        return lines.withLock { $0 }
    }

    struct Failure: Error {
        let error: ServiceError
        let lines: [String]
    }

    /// Every path in the folder, with its kind and content.
    var content: [String: String] {
        var content: [String: String] = [:]
        let all = FileManager.default.enumerator(atPath: folder.path)
        while let path = all?.nextObject() as? String {
            let full = folder.file(path).path
            var status = stat()
            lstat(full, &status)
            let mode = String(status.st_mode, radix: 8)
            let isFile = status.st_mode & S_IFMT == S_IFREG
            let bytes = isFile ? (try? Data(contentsOf: folder.file(path))) : nil
            content["/" + path] =
                "\(mode) \(status.st_uid) \(bytes.map { String(decoding: $0, as: UTF8.self) } ?? "")"
        }
        return content
    }

    var paths: [String] { content.keys.sorted() }

    func text(_ path: String) -> String? {
        try? String(contentsOf: folder.file(path), encoding: .utf8)
    }

    func write(_ text: String, to path: String) throws {
        folder.makeFolder((path as NSString).deletingLastPathComponent)
        _ = try folder.write(path, text)
    }
}

extension TemporaryFolder {
    func makeFolder(_ name: String) {
        try? FileManager.default.createDirectory(at: file(name), withIntermediateDirectories: true)
    }
}

/// Commands of systemd that are recorded and end as a test tells them to. Only a program's `mangen`
/// is run.
final class NotedCommands: CommandRunning {
    private struct State {
        var lines: [String] = []
        var isRunning = false
        var isLoaded = false
        var failing: String?
    }

    private let state = Mutex(State())

    /// The command lines so far, without questions.
    var lines: [String] {
        state.withLock { $0.lines.filter { !$0.hasPrefix("systemctl show") } }
    }
    /// Makes all commands fail that begin with `line`.
    func fail(_ line: String?) { state.withLock { $0.failing = line } }
    func setRunning(_ isRunning: Bool) {
        state.withLock { ($0.isLoaded, $0.isRunning) = (true, isRunning) }
    }

    func run(
        _ words: [String], environment: [String: String], limit: Duration?
    ) throws(ServiceError) -> CommandResult {
        // A program writes its own page.
        if words.contains("mangen") {
            return try SystemCommands().run(words, environment: environment, limit: limit)
        }
        let line = words.joined(separator: " ")
        return state.withLock { state in
            state.lines.append(line)
            if let failing = state.failing, line.hasPrefix(failing) {
                return CommandResult(exitCode: 1, output: "no such luck\n")
            }
            switch words[1] {
            case "show":
                return CommandResult(
                    output: """
                        LoadState=\(state.isLoaded ? "loaded" : "not-found")
                        ActiveState=\(state.isRunning ? "active" : "inactive")
                        MainPID=\(state.isRunning ? 4711 : 0)
                        """)
            case "enable": state.isLoaded = true
            case "disable": (state.isLoaded, state.isRunning) = (false, false)
            case "start", "restart": state.isRunning = true
            case "stop": state.isRunning = false
            default: break
            }
            return CommandResult()
        }
    }
}
