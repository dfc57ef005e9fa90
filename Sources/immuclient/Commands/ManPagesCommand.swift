import ArgumentParser
import ProgramKit

/// For who packages the program.
struct ManPagesCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "mangen", "[<folder>]", abstract: "Write man pages.", shouldDisplay: false)
    static let wordCount = 0...1

    @Argument(
        help: ArgumentHelp(
            "Folder for the pages (default: \(ManPages.defaultDirectory(of: Immuclient.self))).",
            valueName: "folder"))
    var folder: String?
    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    func run(in context: CommandContext) async throws {
        let folder = folder ?? ManPages.defaultDirectory(of: Immuclient.self)
        let pages = try ManPages.write(of: Immuclient.self, examples: Self.examples, to: folder)
        try context.output.write(
            LineReport(
                ManPages.successMessage(folder),
                json: ["folder": .text(folder), "pages": .number(UInt64(pages.count))]))
    }

    private static let examples = [
        "immuclient": [
            (
                command: "immuclient safeset hello world",
                what: "Adds an entry, and verifies that the server has it:"
            ),
            (
                command: "immuclient safeget hello --value-only",
                what: "Prints its value, verified, and nothing else:"
            ),
            (
                command: "immuclient -a db.example.org scan user: --json",
                what: "Lists keys of another server, an object a line:"
            ),
        ],
        "immuclient set": [
            (command: "immuclient set report < report.pdf", what: "Adds the bytes of a file:")
        ],
        "immuclient zadd": [
            (command: "immuclient zadd temperatures -1.5 oslo", what: "Scores may be negative:")
        ],
        "immuclient login": [
            (
                command: "immuclient login joe < password.txt",
                what: "Takes the password from the first line of a file:"
            )
        ],
        "immuclient it": [
            (
                command: "immuclient it < commands.txt",
                what: "Runs the commands of a file on one connection:"
            )
        ],
        "immuclient completion": [
            (
                command: "source <(immuclient completion bash)",
                what: "Completes commands and flags in this bash:"
            )
        ],
    ]
}
