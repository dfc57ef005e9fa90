import ProgramKit

extension ClientSettings {
    private static let flagsForTLS = [serverName.key, certificate.key, clientCAs.key, pkey.key]

    /// Says of each flag that has no effect on a command why. A variable, or a
    /// key of a config file, is for all commands, so nothing is said of it.
    ///
    /// - Parameter flags: those of the command line, by their keys.
    func idleFlags(
        among flags: [String: String], of command: any ImmuclientCommand.Type
    ) -> [String] {
        flags.keys.sorted().compactMap { key in
            if tls == nil, Self.flagsForTLS.contains(key) {
                return "flag --\(key) has no effect without --mtls"
            }
            if key == Self.tokenFile.key, !isAuthenticated, !command.usesTokenFile {
                return "flag --\(key) has no effect without --auth: no token is sent"
            }
            return nil
        }
    }
}
