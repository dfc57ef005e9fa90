/// The blocks of a text in PEM, each between a line `-----BEGIN name-----` and a line `-----END name-----`.
package struct PEMText: Sendable {
    private let lines: [Substring]

    package init(_ text: String) {
        lines = text.split(whereSeparator: \.isNewline)
    }

    /// The names of all blocks, in their order.
    package var names: [String] {
        lines.filter { $0.hasPrefix("-----BEGIN ") && $0.hasSuffix("-----") }
            .map { String($0.dropFirst(11).dropLast(5)) }
    }

    /// Returns the first block with a name, including its first and last line; nil if the text has no such block.
    package func block(_ name: String) -> String? {
        guard let start = lines.firstIndex(of: "-----BEGIN \(name)-----"),
            let end = lines[start...].firstIndex(of: "-----END \(name)-----")
        else { return nil }
        return lines[start...end].joined(separator: "\n")
    }
}
