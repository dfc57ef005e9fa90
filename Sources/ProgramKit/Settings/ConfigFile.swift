import Foundation
import POSIX

/// The keys and values of a config file, before they are checked.
public struct ConfigFile: Sendable {
    /// The format, which the end of the file's name determines.
    public enum Format: String, Sendable, CaseIterable {
        case toml, yaml, json, properties, dotenv, ini

        init?(extension name: String) {
            switch name {
            case "yml": self = .yaml
            case "props", "prop": self = .properties
            case "env": self = .dotenv
            default: self.init(rawValue: name)
            }
        }
    }

    public struct Item: Hashable, Sendable {
        public let key: String
        public let value: RawValue
        /// The line, from 1, or nil if the parser does not report it.
        public let line: Int?
    }

    public let path: String
    public let format: Format
    /// The items in the order of the file if its parser keeps it, else sorted by key.
    public let items: [Item]

    /// The ends of names in the order in which they are tried.
    static let extensions = [
        "json", "toml", "yaml", "yml", "properties", "props", "prop", "dotenv", "env", "ini",
    ]

    /// The largest file that is read. Config files are much smaller; the path may lead to a device.
    static let maxByteCount = 1 << 20

    /// Reads a file.
    ///
    /// - Throws: `SettingsError` that names the file if it is missing, unreadable, broken, or of an
    ///   unknown format. `.dist` at the end of its name is ignored.
    public static func read(_ path: String) throws(SettingsError) -> ConfigFile {
        var name = path.split(separator: "/").last.map(String.init) ?? path
        if name.hasSuffix(".dist") { name.removeLast(".dist".count) }
        let end = name.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
        guard name.contains("."), let format = Format(extension: end.lowercased()) else {
            let reason =
                end.lowercased() == "hcl"
                ? "HCL is not read" : "its format is not known by its name"
            throw SettingsError(
                "config file \(path): \(reason): give a file that ends in ."
                    + extensions.joined(separator: ", ."))
        }
        let text = try text(of: path)
        do {
            return ConfigFile(path: path, format: format, items: try items(of: text, format))
        } catch {
            if let key = error.key {
                let source = SettingSource.file(path: path, line: error.line, key: key)
                throw SettingsError("\(source) \(error.reason)")
            }
            let position = error.line.map { ", line \($0)" } ?? ""
            throw SettingsError("config file \(path)\(position): \(error.reason)")
        }
    }

    private static func text(of path: String) throws(SettingsError) -> String {
        let content: [UInt8]
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            content = try file.closeAfter { try file.bytes(upTo: maxByteCount + 1) }
        } catch {
            throw SettingsError("config file \(path) cannot be read: \(error)")
        }
        guard content.count <= maxByteCount else {
            throw SettingsError("config file \(path) is larger than \(maxByteCount) bytes")
        }
        guard !content.contains(0), let text = String(validating: content, as: UTF8.self) else {
            throw SettingsError("config file \(path) is not UTF-8 text")
        }
        return text.hasPrefix("\u{feff}") ? String(text.unicodeScalars.dropFirst()) : text
    }

    private static func items(
        of text: String, _ format: Format
    ) throws(ConfigSyntaxError) -> [Item] {
        switch format {
        case .toml: try TOMLText.items(of: text)
        case .yaml: try YAMLText.items(of: text)
        case .json: try JSONText.items(of: text)
        case .properties: try PropertiesText.items(of: text)
        case .dotenv, .ini: try KeyValueText.items(of: text)
        }
    }
}

/// The reason why a text does not have its format.
struct ConfigSyntaxError: Error {
    let line: Int?
    /// The key that the reason is about, if it is about one.
    let key: String?
    let reason: String

    init(line: Int? = nil, key: String? = nil, _ reason: String) {
        self.line = line
        self.key = key
        self.reason = reason
    }
}
