import ImmudbClient
import ProgramKit

// The commands that every program has, in the forms of output that this one knows.

extension VersionCommand: ImmuclientCommand where P == Immuclient {
    func run(in context: CommandContext) async throws {
        try context.output.write(
            LineReport(text(), json: ["version": .text(Immuclient.version)]))
    }
}

extension CompletionCommand: ImmuclientCommand where P == Immuclient {
    static var printsScript: Bool { true }

    func run(in context: CommandContext) async throws {
        let script = try text()
        try context.output.write(
            LineReport(script, json: ["shell": .text(shell), "script": .text(script)]))
    }
}

extension ManPagesCommand: ImmuclientCommand where P == Immuclient {
    func run(in context: CommandContext) async throws {
        let pages = try write()
        try context.output.write(
            LineReport(
                successMessage,
                json: ["folder": .text(directory), "pages": .number(UInt64(pages.count))]))
    }
}
