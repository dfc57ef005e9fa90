/// The labels of a series, as they are written after its name.
struct SeriesLabels: Hashable, Sendable {
    /// `name="value",…`
    private let list: String

    init(_ labels: [(String, String)]) {
        list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    }

    var text: String { list.isEmpty ? "" : "{\(list)}" }

    /// Returns the labels with one more.
    func text(with name: String, _ value: String) -> String {
        list.isEmpty ? "{\(name)=\"\(value)\"}" : "{\(list),\(name)=\"\(value)\"}"
    }

    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
