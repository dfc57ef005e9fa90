import Foundation
import Yams

/// A YAML file. The parser reports all lines.
enum YAMLText {
    static func items(of text: String) throws(ConfigSyntaxError) -> [ConfigFile.Item] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .default, .default, .utf8)
        } catch {
            throw syntaxError(error, in: text)
        }
        // An empty file, or a file of comments only.
        guard let root, root.null == nil else { return [] }
        guard let mapping = root.mapping else {
            throw ConfigSyntaxError(line: root.mark?.line, "not lines of \"key: value\"")
        }
        var items: [ConfigFile.Item] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                throw ConfigSyntaxError(line: key.mark?.line, "a key is not a text")
            }
            items.append(ConfigFile.Item(key: name, value: raw(value), line: key.mark?.line))
        }
        return items
    }

    private static func raw(_ node: Node) -> RawValue {
        guard let scalar = node.scalar else {
            return .other(node.mapping != nil ? "a mapping" : "a list")
        }
        switch Tag.Name(rawValue: node.tag.description) {
        case .str: return .text(scalar.string)
        case .int: return .number(node.int, spelled: scalar.string)
        case .bool: return node.bool.map(RawValue.boolean) ?? .other("a boolean")
        case .null: return .other("nothing")
        case .float: return .other("a number with a fraction")
        default:
            return .other("\"\(scalar.string)\", which YAML does not read as text")
        }
    }

    /// Returns the lines that begin with a key. The parser reports only the first of two equal
    /// ones.
    private static func lines(of key: String, in text: String) -> [Int] {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        return zip(1..., lines).compactMap { number, line in
            let line = line.drop { $0.isWhitespace || "{,\"'".contains($0) }
            guard line.hasPrefix(key) else { return nil }
            let rest = line.dropFirst(key.count).drop { $0.isWhitespace || "\"'".contains($0) }
            return rest.first == ":" ? number : nil
        }
    }

    private static func syntaxError(_ error: any Error, in text: String) -> ConfigSyntaxError {
        guard let error = error as? YamlError else { return ConfigSyntaxError("not YAML") }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ConfigSyntaxError(line: mark.line, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? ""
            let line = lines(of: key, in: text).dropFirst().first ?? context.mark.line
            return ConfigSyntaxError(line: line, key: key, "is given twice: remove one")
        case .reader(let problem, _, _, _):
            return ConfigSyntaxError("not YAML: \(problem)")
        default:
            return ConfigSyntaxError("not YAML")
        }
    }
}
