import Foundation

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// Variables that a program looks at beside those of its settings: where config files are
    /// looked for, and how much is logged.
    private static let commonNames = ["GOPATH", "HOME", "LOG_LEVEL"]

    /// - Parameter program: whose settings are asked for.
    /// - Throws: `SettingsError` if a variable that means something to the program is not UTF-8: as
    ///   a path it would name another file than the one that was meant. Those of others are left
    ///   out.
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
