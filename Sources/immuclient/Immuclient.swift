import ArgumentParser
import Foundation
import ImmudbClient
import MerkleTree

/// The command line client: parses, connects, runs one command, prints.
struct Immuclient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "immuclient",
        abstract: "Reads and writes an immudb server, and verifies what it answers.",
        discussion: """
            Environment: IMMUCLIENT_IMMUDB_ADDRESS, IMMUCLIENT_IMMUDB_PORT, IMMUCLIENT_DIR, \
            also with hyphens for the inner underscores. A flag wins over the environment.

            The file .root-<uuid> in the directory holds the newest tree that was verified of a \
            server. safeset and safeget fail, with exit code 1, if the server's tree does not \
            continue it. If there is none yet, the tree that the server shows is trusted.
            """,
        subcommands: [
            SetCommand.self, GetCommand.self, SafeSetCommand.self, SafeGetCommand.self,
            RawSafeSetCommand.self, RawSafeGetCommand.self, GetByIndexCommand.self,
            ReferenceCommand.self, SafeReferenceCommand.self, ZAddCommand.self,
            SafeZAddCommand.self, ScanCommand.self, ZScanCommand.self, IScanCommand.self,
            CountCommand.self, HistoryCommand.self, CurrentCommand.self, InclusionCommand.self,
            CheckConsistencyCommand.self, DumpCommand.self, PingCommand.self, VersionCommand.self,
        ])

    @OptionGroup var connection: ConnectionOptions
}

@main
enum EntryPoint {
    static func main() async {
        exit(await run() ? EXIT_SUCCESS : EXIT_FAILURE)
    }

    /// Runs the command that the arguments ask for.
    ///
    /// - Returns: whether it did all that was asked. Every failure has been explained on stderr.
    private static func run() async -> Bool {
        do {
            let arguments = NegativeNumber.protected(try CommandLineArguments.text())
            try Immuclient.requireKnownCommand(arguments)
            var command = try Immuclient.parseAsRoot(arguments)
            guard var client = command as? any ClientCommand else {
                try command.run()
                return true
            }
            // Here, on the main thread, since it may block.
            try client.prepare()
            return await run(client)
        } catch {
            return explain(error)
        }
    }

    private static func run(_ command: any ClientCommand) async -> Bool {
        do {
            let client = try await ImmudbClient.connect(
                command.connection.configuration(),
                trustedRoots: FileTrustedRootStore(directory: command.connection.directory()),
                firstContact: .trustOnFirstUse)
            do {
                try await command.run(on: client)
                await client.close()
            } catch {
                await client.close()
                throw error
            }
            return true
        } catch let error as VerificationError {
            complain(
                "VERIFICATION FAILED: do not trust this server. The trusted root stays as it was.\n"
                    + "\(error)"
            )
        } catch let error as ClientError {
            complain("\(error)")
        } catch let error as ToolError {
            complain("\(error)")
        } catch {
            return explain(error)
        }
        return false
    }

    /// Errors of usage, and requests for help, which are thrown too.
    private static func explain(_ error: any Error) -> Bool {
        if let error = error as? ToolError {
            complain("\(error)")
            return false
        }
        let message = Immuclient.fullMessage(for: error)
        guard Immuclient.exitCode(for: error) != .success else {
            do {
                try Output.write(line: message)
                return true
            } catch {
                complain("\(error)")
                return false
            }
        }
        complain(message)
        return false
    }

    private static func complain(_ message: String) {
        Output.complain(message)
    }
}

/// Runs a verified write. If its answer proves nothing, says what became of the entry: whoever writes
/// it again would have it twice.
func writing<Value>(_ write: () async throws -> Value) async throws -> Value {
    do {
        return try await write()
    } catch let error as VerificationError {
        // A server that has too few entries refuses before it writes.
        if error.code != .treeShrank {
            Output.complain(
                "verified: false. The server has probably stored your entry all the same: look before you "
                    + "write it again.")
        }
        throw error
    }
}

/// A command that needs a server.
protocol ClientCommand: ParsableCommand {
    var connection: ConnectionOptions { get }
    /// Reads what the command needs besides its arguments, such as a value from a pipe. May block.
    mutating func prepare() throws
    func run(on client: ImmudbClient) async throws
}

extension ClientCommand {
    mutating func prepare() throws {}
}

/// The arguments of this process.
enum CommandLineArguments {
    /// - Throws: if one is not UTF-8: as a key it would name another entry than the one that was
    ///   meant.
    static func text() throws -> [String] {
        try (1..<max(1, Int(CommandLine.argc))).map { position in
            guard let bytes = CommandLine.unsafeArgv[position],
                let argument = String(validatingCString: bytes)
            else {
                throw ValidationError("argument \(position) is not UTF-8 text")
            }
            return argument
        }
    }
}

extension Immuclient {
    /// The library takes a word that is no command for an argument too many, and shows the general
    /// help for `help` of such a word.
    fileprivate static func requireKnownCommand(_ arguments: [String]) throws {
        let words = wordsBeside(options: arguments)
        guard let first = words.first else { return }
        let word = first == "help" ? words.dropFirst().first ?? first : first
        let commands = configuration.subcommands.flatMap {
            [$0.configuration.commandName ?? ""] + $0.configuration.aliases
        }
        guard commands.contains(word) || word == "help" else {
            throw ValidationError("unknown command \"\(word)\" for \"immuclient\"")
        }
    }

    /// The arguments that are neither options nor their values.
    private static func wordsBeside(options arguments: [String]) -> [String] {
        let withValue = ["-a", "-p", "--immudb-address", "--immudb-port", "--dir"]
        var words: [String] = []
        var isValue = false
        for argument in arguments {
            if isValue {
                isValue = false
            } else if argument.hasPrefix("-") {
                isValue = withValue.contains(argument)
            } else {
                words.append(argument)
            }
        }
        return words
    }
}

/// Why a command failed on this side of the connection.
struct ToolError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Negative numbers on the command line, which look like flags to the library that parses it.
///
/// They are marked before it sees them, and the mark is taken off where a command reads its
/// arguments.
enum NegativeNumber {
    /// A character for private use, which no terminal types.
    private static let mark = "\u{E000}"

    static func protected(_ arguments: [String]) -> [String] {
        arguments.map { isNegativeNumber($0) ? mark + $0 : $0 }
    }

    /// The argument as it was typed.
    static func restored(_ argument: String) -> String {
        guard argument.hasPrefix(mark) else { return argument }
        let text = String(argument.dropFirst())
        return isNegativeNumber(text) ? text : argument
    }

    /// A message without the marks of arguments in it.
    static func unmarked(_ message: String) -> String {
        message.replacingOccurrences(of: mark, with: "")
    }

    private static func isNegativeNumber(_ text: String) -> Bool {
        text.hasPrefix("-") && Double(text) != nil
    }
}
