import ClientKit
import ProgramKit

// The commands that every program has.

extension VersionCommand: ImmuclientCommand where P == Immuclient {
    func run(in context: CommandContext) async throws { try context.output.write(report()) }
}

extension CompletionCommand: ImmuclientCommand where P == Immuclient {
    func run(in context: CommandContext) async throws { try context.output.write(report()) }
}

extension ManPagesCommand: ImmuclientCommand where P == Immuclient {
    func run(in context: CommandContext) async throws { try context.output.write(report()) }
}
