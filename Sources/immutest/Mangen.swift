import ArgumentParser
import ProgramKit

extension ImmutestCommand {
    /// Writes the man pages of `immutest`; for who packages it.
    struct Mangen: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write man pages", shouldDisplay: false)
        static let defaultDirectory = ManPages.defaultDirectory(of: ImmutestCommand.self)

        @Argument(help: "folder for the pages (default \(defaultDirectory))")
        var directory: String?

        /// - Returns: what to print.
        static func write(to directory: String) throws(SettingsError) -> String {
            do {
                _ = try ManPages.write(of: ImmutestCommand.self, examples: examples, to: directory)
                return ManPages.successMessage(directory)
            } catch {
                throw SettingsError("\(error)")
            }
        }

        private static let examples = [
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
        ]
    }
}
