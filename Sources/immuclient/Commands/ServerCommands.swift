import ArgumentParser
import ImmudbClient

struct CurrentCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "current", alias: "crt",
        abstract: "Print the last index and the root of the server's tree.")
    static let wordCount = 0...0

    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    func run(in context: CommandContext) async throws {
        try context.output.write(RootReport(root: await context.client.currentRoot()))
    }
}

struct PingCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "ping", alias: "p", abstract: "Ask the server if it is well.")
    static let wordCount = 0...0

    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    func run(in context: CommandContext) async throws {
        guard try await context.client.health() else {
            throw ClientError(.refused, "Health check failed: the server cannot read its database")
        }
        try context.output.write(LineReport("Health check OK", json: ["healthy": .truth(true)]))
    }
}

struct VersionCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "version", abstract: "Print the version of this program.")
    static let wordCount = 0...0

    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    func run(in context: CommandContext) async throws {
        try context.output.write(
            LineReport(
                "immuclient \(ImmudbClient.version)",
                json: ["version": .text(ImmudbClient.version)]))
    }
}

struct CompletionCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "completion", "bash|zsh|fish",
        abstract: "Print the script that completes commands and flags in a shell.",
        discussion: """
            bash: source <(immuclient completion bash)
            zsh: immuclient completion zsh > ~/.zfunc/_immuclient, with ~/.zfunc in $fpath
            fish: immuclient completion fish > ~/.config/fish/completions/immuclient.fish
            """)
    static let wordCount = 1...1
    static let printsScript = true

    @Argument(help: "The shell: bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"]))
    var shell: String
    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    func validate() throws { _ = try completionShell() }

    func run(in context: CommandContext) async throws {
        let script = Immuclient.completionScript(for: try completionShell())
        try context.output.write(
            LineReport(script, json: ["shell": .text(shell), "script": .text(script)]))
    }

    private func completionShell() throws -> CompletionShell {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw ValidationError(
                "'\(shell)' is no shell that is known here: give bash, zsh or fish")
        }
        return shell
    }
}
