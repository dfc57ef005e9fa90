import ArgumentParser
import ClientKit

struct ShellCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "it", alias: "cli-mode", abstract: "Run commands one after the other, on one connection.",
        discussion: """
            At a terminal: with a prompt, history (arrow keys, Ctrl-R; not of lines that begin with a \
            blank) and completion (Tab). Ctrl-C ends a command, Ctrl-Z stops the shell. \
            Otherwise the lines of stdin are the commands. A command that fails does not end it; \
            exit, quit or the end of the input does. The exit code is 1 if a command from a pipe \
            or file has failed, and 6 if the outcome of a write is unknown.

            Words are separated by blanks; '…', "…" and \\ quote as in other shells.
            """)
    /// True because of the commands that it runs.
    static let printsEntries = true
    static let usesTokenFile = true

    func run(in context: CommandContext) async throws {
        // Before the first prompt, so that a wrong server is reported now.
        if !context.settings.isAuthenticated { _ = try await context.client }
        let exitCode = await Shell(context).run()
        guard exitCode == .done else { throw ToldFailure(exitCode: exitCode) }
    }
}
