import ClientKit
import ProgramKit

extension ClientSettings {
    /// Says of each flag that has no effect on a command why. A variable, or a key of a config file,
    /// is for all commands, so nothing is said of it.
    ///
    /// - Parameter flags: those of the command line, by their keys.
    func idleFlags(
        among flags: [String: String], of command: any ImmuclientCommand.Type
    ) -> [String] {
        let tokenFile = ConnectionSettings.tokenFile.key
        let isIdle = flags[tokenFile] != nil && !isAuthenticated && !command.usesTokenFile
        return connection.idleFlags(among: flags.keys)
            + (isIdle
                ? ["flag --\(tokenFile) has no effect without --auth: no token is sent"] : [])
    }
}
