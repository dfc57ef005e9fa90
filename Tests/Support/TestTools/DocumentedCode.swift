public import Foundation

/// The Swift code of a page of documentation, to compare with snippets that a test compiles and
/// runs.
public struct DocumentedCode {
    /// The lines of the page's fences that begin with ```` ```swift ````, trimmed, without comments
    /// and manifests.
    public let lines: [String]
    /// Every complete `Package.swift` of the page.
    public let manifests: [String]
    private let snippets: String

    /// The folder of the package.
    public static var root: URL {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        return root
    }

    /// - Parameters:
    ///   - page: the path of the page in the package.
    ///   - snippets: the paths of the Swift files.
    ///   - replacing: text of the snippets that the page leaves out or has in another form.
    public init(
        page: String, snippets: String..., replacing: KeyValuePairs<String, String> = [:]
    ) throws {
        func text(_ path: String) throws -> String {
            try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
        }
        var code = try snippets.map(text).joined(separator: "\n")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for (written, shown) in replacing {
            code = code.replacingOccurrences(of: written, with: shown)
        }
        self.snippets = code
        var fences: [[String]] = []
        var isInside = false
        for line in try text(page).split(separator: "\n") {
            if line.hasPrefix("```") {
                isInside = line == "```swift"
                if isInside { fences.append([]) }
            } else if isInside {
                fences[fences.count - 1].append(String(line))
            }
        }
        func isManifest(_ fence: [String]) -> Bool {
            fence.first?.hasPrefix("// swift-tools-version:") == true
        }
        manifests = fences.filter(isManifest).map { $0.joined(separator: "\n") + "\n" }
        lines = fences.filter { !isManifest($0) }.joined()
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.hasPrefix("//") }
    }

    /// The lines that are not in the snippets, so they are neither compiled nor run.
    public var unknownLines: [String] { lines.filter { !snippets.contains($0) } }
}
