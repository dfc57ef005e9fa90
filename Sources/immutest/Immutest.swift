import ArgumentParser
import Foundation
import ImmudbProtocol
import ProgramKit
import Terminal

/// The program: fills a server with sample entries.
@main
struct Immutest: Program {
    static let definition = ImmutestSettings.definition
    static let version = ImmudbRelease.version
    static let runsWithoutCommand = true
    static let commands = [
        CommandGroup(
            name: "", subcommands: [VersionCommand<Self>.self, ManPagesCommand<Self>.self])
    ]
    private static let defaultCount = 100

    static let about = ProgramDescription(
        abstract: "immutest - fills an immudb server with sample entries.",
        usage: """
            immutest [n] [flags]
            immutest [command]
            """,
        discussion: """
            Writes entries about the credit cards of clients who do not exist, the same ones each \
            time: keys "client:<title> <first name> <last name>", values \
            "card:<type> <number> <expiry>". The numbers are of the kind that payment systems are \
            tested with.

            Runs on the server's machine only. If the server has entries already it asks first, \
            since entries can never be deleted; the answer may come from a pipe.
            """,
        examples: [
            "immutest": [
                (
                    command: "immutest 1000",
                    what: "Writes a thousand entries to the server at port 3322:"
                ),
                (
                    command: "echo y | immutest -p 3323",
                    what: "Writes a hundred to another one, whatever it holds already:"
                ),
            ]
        ])

    @Argument(
        help: ArgumentHelp("number of entries (default \(defaultCount))", valueName: "n"))
    private var number: String?

    func validate() throws { _ = try count() }

    /// The number of entries to write.
    ///
    /// - Throws: `ValidationError` if the word is not a number above 0.
    func count() throws -> Int {
        guard let number else { return Self.defaultCount }
        // A word that does not begin like a number was probably meant as a command.
        guard number.first.map({ $0.isNumber || $0 == "-" || $0 == "+" }) ?? true else {
            throw ValidationError(Self.unknownCommand(number).message)
        }
        guard let count = Int(number), count > 0 else {
            throw ValidationError(
                "the number of entries is \"\(number)\": give a whole number that is larger than 0")
        }
        return count
    }

    static func perform(_ invocation: Invocation<Self>) async throws -> Int32 {
        if let answer = try invocation.answer() {
            print(answer)
            return EXIT_SUCCESS
        }
        guard case .run(let program as Self) = invocation.action else {
            preconditionFailure("\(invocation.action) has no answer")
        }
        let server = try ServerPlace(invocation.sources())
        try await Population(count: program.count()).write(to: server)
        return EXIT_SUCCESS
    }

    static func explain(_ error: any Error, arguments: [String]) -> Int32 {
        let failure = error as? ImmutestError
        StandardError.write(line: failure?.message ?? text(of: error))
        return failure?.exitCode ?? EXIT_FAILURE
    }
}
