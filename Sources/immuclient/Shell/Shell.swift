import ClientKit
import Foundation
import ImmudbClient
import ProgramKit
import Terminal

/// The interactive shell: reads lines and runs each as a command.
@MainActor
final class Shell {
    private let context: CommandContext
    private let editor: LineEditor
    private let isInteractive = isatty(STDIN_FILENO) != 0
    /// The worst exit code of all commands.
    private var exitCode = ExitCode.done

    init(_ context: CommandContext) {
        self.context = context
        let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
        editor = LineEditor(
            prompt: "immuclient> ",
            historyFile: home.isEmpty ? nil : "\(home)/.immuclient_history",
            complete: ShellCompletion.candidates)
    }

    /// Runs until the input ends, or a line ends the shell.
    ///
    /// - Returns: the worst exit code of the commands, if they came from a pipe or file.
    func run() async -> ExitCode {
        if isInteractive {
            StandardError.write(line: "help lists the commands; exit or Ctrl-D ends.")
        }
        while true {
            do {
                guard let line = try editor.readLine() else { break }
                if ShellWords.isComment(line) { continue }
                let words = try ShellWords.split(line)
                if let first = words.first, ["exit", "quit"].contains(first) { break }
                try await perform(words)
            } catch is Interruption.Interrupted {
                Failure(code: "Interrupted", message: "interrupted", text: "interrupted")
                    .complain(context.output.format)
            } catch is OutputClosed {
                return max(exitCode, .outputClosed)
            } catch {
                await explain(error)
            }
        }
        return isInteractive ? .done : exitCode
    }

    private func perform(_ line: [String]) async throws {
        guard let first = line.first else { return }
        let words = first == "?" ? ["help"] + line.dropFirst() : line
        if words == ["help"] { return try helpOutput.write(Self.help) }
        if words == ["clear"] { return editor.clearScreen() }
        let invocation = try Invocation<Immuclient>(words)
        if let flag = Self.foreignFlag(of: invocation) {
            // All other flags concern the connection, which all lines share.
            let flags = ClientSettings.formsOfOutput.map { "--\($0.key)" }
            throw UsageError(
                "flag --\(flag) is for the start of immuclient: a line of its shell takes "
                    + "\(flags.joined(separator: " and ")) only", program: Immuclient.name)
        }
        switch invocation.action {
        case .help(let type, let all):
            try helpOutput.write(Immuclient.helpReport(for: type, all: all))
        case .run(is ShellCommand):
            throw UsageError("this is the shell already", program: Immuclient.name)
        case .run(let command as any ImmuclientCommand):
            let settings = try context.sources.settings(lineFlags: invocation.flags)
            let run = try CommandRun(
                command, flags: invocation.flags, sources: context.sources, settings: settings,
                session: context.session)
            guard isInteractive else { return try await run.run(input: .lines) }
            // Prompts before the work, for a password for example, handle Ctrl-C themselves.
            let prepared = try run.prepared(input: .lines)
            try await Interruption.run { try await prepared.run() }
        case .run(let command):
            preconditionFailure("\(command) is not a command of immuclient")
        }
    }

    /// Help has no value of an entry to print.
    private var helpOutput: Output {
        context.output.format == .values ? Output(format: .text) : context.output
    }

    private func explain(_ error: any Error) async {
        let failure = Failure(error, isInShell: true)
        exitCode = max(exitCode, failure.exitCode)
        failure.complain(context.output.format)
        let error = error as? ClientError
        guard [error, error?.cause as? ClientError].contains(ClientError(.serverChanged, ""))
        else { return }
        await context.session.close()
    }

    private static func foreignFlag(of invocation: Invocation<Immuclient>) -> String? {
        if invocation.configFile != nil { return "config" }
        let own = ClientSettings.formsOfOutput.map(\.key)
        return invocation.flags.keys.sorted().first { !own.contains($0) }
    }

    private static var help: LineReport {
        let rows =
            Immuclient.displayedCommands.map { type in
                (([type.name] + type.aliases).joined(separator: ", "), type.abstract)
            } + [
                ("help [command], ?", "Print this, or how a command is used."),
                ("clear", "Clear the screen."), ("exit, quit", "End the shell."),
            ]
        let width = (rows.map(\.0.count).max() ?? 0) + 2
        let lines = rows.map { names, abstract in
            names.padding(toLength: width, withPad: " ", startingAt: 0) + abstract
        }
        let text = lines.joined(separator: "\n")
        return LineReport(text, json: ["help": .text(text)])
    }
}
