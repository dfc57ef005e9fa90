package import ProgramKit

// The commands that every program has, in the output formats of clients.

extension VersionCommand {
    package func report() -> LineReport {
        LineReport(text(), json: ["version": .text(P.version)])
    }
}

extension CompletionCommand {
    package func report() throws -> LineReport {
        let script = try text()
        return LineReport(script, json: ["shell": .text(shell), "script": .text(script)])
    }
}

extension ManPagesCommand {
    package func report() throws -> LineReport {
        let pages = try write()
        return LineReport(
            successMessage,
            json: ["folder": .text(directory), "pages": .number(UInt64(pages.count))])
    }
}
