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
            HistoryCommand.self, CurrentCommand.self, PingCommand.self, VersionCommand.self,
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
            var command = try Immuclient.parseAsRoot(CommandLineArguments.text())
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
        } catch {
            return explain(error)
        }
        return false
    }

    /// Errors of usage, and requests for help, which are thrown too.
    private static func explain(_ error: any Error) -> Bool {
        let message = Immuclient.fullMessage(for: error)
        guard Immuclient.exitCode(for: error) != .success else {
            print(message)
            return true
        }
        complain(message)
        return false
    }

    private static func complain(_ message: String) {
        FileHandle.standardError.write(Data((message + "\n").utf8))
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
