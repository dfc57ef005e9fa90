public import ArgumentParser

/// A command that every program has in the same form, and whose result is a text.
public protocol ProgramCommand: ParsableCommand, Sendable {
    /// Returns the text to print. Does what is needed for it, such as writing files.
    func text() throws -> String
}

/// The command `version`.
public struct VersionCommand<P: Program>: ProgramCommand {
    public static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "version", abstract: "Show the \(P.name) version")
    }

    public init() {}

    public func text() -> String { "\(P.name) \(P.version)" }
}

/// The command `mangen`, for packagers.
public struct ManPagesCommand<P: Program>: ProgramCommand {
    public static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "mangen", abstract: "Write man pages.", shouldDisplay: false)
    }

    @Argument(help: "Folder for the pages (default \(ManPages.defaultFolder(of: P.name))).")
    private var folder: String?

    public init() {}

    /// The folder for the pages.
    public var directory: String { folder ?? ManPages.defaultFolder(of: P.name) }

    /// Writes the pages.
    ///
    /// - Returns: the paths of the pages.
    public func write() throws(ManPagesError) -> [String] {
        try ManPages.write(
            of: Documented<P, P, FullHelp>.self, examples: P.about.examples, to: directory)
    }

    public func text() throws(ManPagesError) -> String {
        _ = try write()
        return successMessage
    }

    public var successMessage: String {
        "SUCCESS: man files generated in the \(directory) directory"
    }
}

/// The command `completion`.
public struct CompletionCommand<P: Program>: ProgramCommand {
    public static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "completion",
            abstract: "Print the script that completes commands and flags in a shell.",
            discussion: """
                bash: source <(\(P.name) completion bash)
                zsh: \(P.name) completion zsh > ~/.zfunc/_\(P.name), with ~/.zfunc in $fpath
                fish: \(P.name) completion fish > ~/.config/fish/completions/\(P.name).fish
                """)
    }

    @Argument(
        help: "The shell: bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"]))
    public private(set) var shell: String

    public init() {}

    public func validate() throws { _ = try completionShell() }

    public func text() throws -> String { P.completionScript(for: try completionShell()) }

    private func completionShell() throws(ValidationError) -> CompletionShell {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw ValidationError(
                "'\(shell)' is not a known shell: give bash, zsh or fish")
        }
        return shell
    }
}
