/// The arguments of this process.
public enum ProcessArguments {
    /// Returns the arguments without the name of the program.
    ///
    /// - Throws: `SettingsError` if one is not UTF-8: as a path it would name another file than the
    ///   one that was meant. Also if there is no command line: on Linux, Swift's runtime finds it by
    ///   `/proc/self/maps`, and gives an empty one if that cannot be read. A server without its
    ///   arguments would serve another folder.
    public static func text() throws(SettingsError) -> [String] {
        try text(count: Int(CommandLine.argc), CommandLine.unsafeArgv)
    }

    /// - Parameter count: of `arguments`, the program's name included.
    static func text(
        count: Int, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>
    ) throws(SettingsError) -> [String] {
        guard count > 0 else {
            throw SettingsError(
                "the command line cannot be read. Check that /proc is mounted and readable, and start again"
            )
        }
        var texts: [String] = []
        for position in 1..<count {
            guard let bytes = arguments[position], let text = String(validatingCString: bytes)
            else { throw SettingsError("argument \(position) is not UTF-8 text") }
            texts.append(text)
        }
        return texts
    }
}
