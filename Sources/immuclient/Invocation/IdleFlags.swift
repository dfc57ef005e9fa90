import ClientKit
import ProgramKit

extension ClientSettings {
    /// Explains each flag that has no effect on a command. Variables, and keys of a config file, are for all commands,
    /// so they are not mentioned.
    ///
    /// - Parameter flags: the flags of the command line, by their keys.
    func idleFlags(
        among flags: [String: String], of command: any ImmuclientCommand.Type
    ) -> [String] {
        let tokenFile = ConnectionSettings.tokenFile.key
        let isIdle = flags[tokenFile] != nil && !isAuthenticated && !command.usesTokenFile
        let own = (command as? any CommandWithSettings.Type)?.settings.map(\.key) ?? []
        let ofAuditor = AuditSettings.all.map(\.key)
            .filter { flags[$0] != nil && !own.contains($0) }
        return connection.idleFlags(among: flags.keys)
            + ofAuditor.sorted().map { "flag --\($0) has no effect without audit-mode" }
            + (isIdle
                ? ["flag --\(tokenFile) has no effect without --auth: no token is sent"] : [])
    }
}
