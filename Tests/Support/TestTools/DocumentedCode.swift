import Foundation

/// The Swift code of a page of documentation, to be compared with snippets that a test compiles and runs.
public struct DocumentedCode {
    /// The lines of the page's fences that begin with ```` ```swift ````, trimmed; without comments and the lines
    /// of a manifest, which only a package that uses a product can try.
    public let lines: [String]
    private let snippets: String

    /// - Parameters:
    ///   - page: its path in the package.
    ///   - snippets: the paths of the Swift files.
    ///   - replacing: what the page leaves out of the snippets or says in another way.
    public init(
        page: String, snippets: String..., replacing: KeyValuePairs<String, String> = [:]
    ) throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        func text(_ path: String) throws -> String {
            try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        }
        var code = try snippets.map(text).joined(separator: "\n")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for (written, shown) in replacing {
            code = code.replacingOccurrences(of: written, with: shown)
        }
        self.snippets = code
        var lines: [String] = []
        var isInside = false
        for line in try text(page).split(separator: "\n") {
            if line.hasPrefix("```") {
                isInside = line == "```swift"
            } else if isInside {
                lines.append(line.trimmingCharacters(in: .whitespaces))
            }
        }
        self.lines = lines.filter { !$0.hasPrefix("//") && !$0.contains("package") }
    }

    /// The lines that are not in the snippets, hence neither compiled nor run.
    public var unknownLines: [String] { lines.filter { !snippets.contains($0) } }
}
