import ArgumentParser
import ProgramKit

extension ImmudbCommand {
    /// Writes the man pages of `immudb`; for who packages it.
    struct Mangen: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write man pages", shouldDisplay: false)
        static let defaultDirectory = ManPages.defaultDirectory(of: ImmudbCommand.self)

        @Argument(help: "folder for the pages (default \(defaultDirectory))")
        var directory: String?

        /// - Returns: what to print.
        static func write(to directory: String) throws(SettingsError) -> String {
            do {
                _ = try ManPages.write(of: ImmudbCommand.self, examples: examples, to: directory)
                return ManPages.successMessage(directory)
            } catch {
                throw SettingsError("\(error)")
            }
        }

        private static let examples = [
            "immudb": [
                (
                    command: "immudb --dir ./db",
                    what: "Serves the data in ./db at 127.0.0.1, port 3322:"
                ),
                (
                    command: "immudb -d --pidfile /var/run/immudb.pid "
                        + "--logfile /var/log/immudb/immudb.log",
                    what: "Serves in the background, with pid file and log:"
                ),
                (
                    command: "IMMUDB_DURABILITY=interval immudb --config /etc/immudb/immudb.toml",
                    what: "Takes settings from a file, and one from the environment:"
                ),
            ]
        ]
    }
}
