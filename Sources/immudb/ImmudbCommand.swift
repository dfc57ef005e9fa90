import ArgumentParser
import ImmudbServer

/// The options of `immudb`, and its commands `version` and `help`.
struct ImmudbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "immudb",
        abstract: "immudb - the lightweight, high-speed immutable database",
        usage: """
            immudb [--address <address>] [--port <port>] [--dbname <dbname>] [--dir <dir>]
            immudb version | help
            """,
        discussion: """
            Serves the database of a folder to the clients of immudb 0.6, and proves to them \
            that no entry of it was ever changed. Stop it with SIGTERM or Ctrl-C.

            Environment: LOG_LEVEL=error|warn|info|debug says how much is logged.
            """,
        subcommands: [Version.self])

    @Option(name: .shortAndLong, help: "Address to listen on.")
    var address = ServerOptions.defaultAddress

    @Option(name: .shortAndLong, help: "Port to listen on; 0 takes any that is free.")
    var port = ServerOptions.defaultPort

    @Option(name: [.customShort("n"), .long], help: "Name of the database.")
    var dbname = ServerOptions.defaultDatabaseName

    @Option(help: "Folder of the data; made if it is not there.")
    var dir = ServerOptions.defaultDirectory

    struct Version: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the version.")
    }

    /// What the arguments ask for.
    enum Invocation {
        case serve(ServerOptions)
        /// A text to print, and nothing more to do.
        case show(String)
        /// The reason names the offending word.
        case refuse(reason: String)
    }

    static func invocation(_ arguments: [String]) -> Invocation {
        do {
            switch try parseAsRoot(arguments) {
            case let command as ImmudbCommand:
                return .serve(
                    ServerOptions(
                        directory: command.dir, address: command.address, port: command.port,
                        databaseName: command.dbname))
            case is Version: return .show("immudb \(ImmudbServer.version)")
            case let command:
                // The library's own, such as help: they answer by throwing what to print.
                var command = command
                try command.run()
                return .show("")
            }
        } catch {
            let message = fullMessage(for: error)
            return exitCode(for: error).isSuccess ? .show(message) : .refuse(reason: message)
        }
    }
}
