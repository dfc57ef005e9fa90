import Foundation

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// The variables that a program reads beside those of its settings: where to look for config
    /// files, and how much to log.
    private static let commonNames = ["GOPATH", "HOME", "LOG_LEVEL"]

    /// Returns the variables that `program` uses.
    ///
    /// - Parameter program: the name of the program.
    /// - Throws: `SettingsError` if one of them is not UTF-8: as a path it would name a different
    ///   file than the one that was meant. Other variables are left out.
    public static func text(
        for definition: SettingsDefinition
    ) throws(SettingsError) -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            next += 1
            let bytes = UnsafeBufferPointer(start: entry, count: strlen(entry))
                .map(UInt8.init(bitPattern:))
            guard let end = bytes.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: bytes[..<end], as: UTF8.self)
            if let value = String(validating: bytes[(end + 1)...], as: UTF8.self) {
                variables[name] = value
            } else if commonNames.contains(name) || name.hasPrefix(definition.variablePrefix) {
                throw SettingsError("environment variable \(name) is not UTF-8 text")
            }
        }
        return variables
    }
}
