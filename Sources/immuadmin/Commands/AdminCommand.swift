import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit

/// One command of `immuadmin`.
protocol AdminCommand: ParsableCommand, Sendable {
    func run(in context: AdminContext) async throws
}

/// What a command works with.
struct AdminContext: Sendable {
    let settings: AdminSettings
    let output: Output

    /// Says on the standard output what the user is to know before a question: JSON has no place for it.
    func tell(_ line: String) throws {
        guard output.format == .text else { return }
        try output.write(LineReport(line, json: [:]))
    }
}

extension VersionCommand: AdminCommand where P == Immuadmin {
    func run(in context: AdminContext) async throws { try context.output.write(report()) }
}

extension CompletionCommand: AdminCommand where P == Immuadmin {
    func run(in context: AdminContext) async throws { try context.output.write(report()) }
}

extension ManPagesCommand: AdminCommand where P == Immuadmin {
    func run(in context: AdminContext) async throws { try context.output.write(report()) }
}
