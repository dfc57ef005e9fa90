import POSIX

/// The arguments of this process.
public enum ProcessArguments {
    private static let maxByteCount = 8 << 20

    /// Returns the arguments without the name of the program.
    ///
    /// - Throws: `SettingsError` if an argument is not UTF-8: as a path it would name a different
    ///   file than the one that was meant. Also if the command line cannot be read: a server
    ///   without its arguments would serve another folder.
    public static func text() throws(SettingsError) -> [String] { try text(of: all()) }

    /// Returns the arguments of this process, beginning with the program's name, or an empty array
    /// if they cannot be read.
    ///
    /// On Linux, Swift's runtime looks for them beside the environment, whose place it takes from
    /// `/proc/self/maps`. It finds none if it cannot read that file, or if a library has set a
    /// variable before, which moves the environment.
    static func all() -> [[UInt8]] {
        let known = (0..<Int(CommandLine.argc)).compactMap { position in
            CommandLine.unsafeArgv[position].map { bytes(of: $0) }
        }
        guard known.isEmpty else { return known }
        guard let file = try? FileDescriptor.opening("/proc/self/cmdline", .readOnly),
            let line = try? file.closeAfter({ try file.bytes(upTo: maxByteCount) }), line.last == 0
        else { return [] }
        return line.dropLast().split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    }

    private static func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
        var bytes: [UInt8] = []
        var at = text
        while at.pointee != 0 {
            bytes.append(UInt8(bitPattern: at.pointee))
            at += 1
        }
        return bytes
    }

    /// - Parameter arguments: all arguments, beginning with the program's name.
    static func text(of arguments: [[UInt8]]) throws(SettingsError) -> [String] {
        guard !arguments.isEmpty else {
            throw SettingsError(
                "the command line cannot be read. Check that /proc is mounted and readable, and start again"
            )
        }
        var texts: [String] = []
        for (position, bytes) in arguments.enumerated().dropFirst() {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw SettingsError("argument \(position) is not UTF-8 text")
            }
            texts.append(text)
        }
        return texts
    }
}
