/// The arguments of this process.
public enum ProcessArguments {
    /// - Throws: `SettingsError` if one is not UTF-8: as a path it would name another file than the
    ///   one that was meant.
    public static func text() throws(SettingsError) -> [String] {
        var arguments: [String] = []
        for position in 1..<max(1, Int(CommandLine.argc)) {
            guard let bytes = CommandLine.unsafeArgv[position],
                let argument = String(validatingCString: bytes)
            else { throw SettingsError("argument \(position) is not UTF-8 text") }
            arguments.append(argument)
        }
        return arguments
    }
}
