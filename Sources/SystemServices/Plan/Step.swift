/// One step of a plan. Paths are those on the machine, without the folder that may stand in for it.
enum Step: Hashable, Sendable {
    case makeFolder(String)
    case writeFile(String, content: String)
    /// Only in a printed plan, for which the program was not asked for its page.
    case writeManPage(String, of: String)
    case copyExecutable(from: String, digest: Digest, to: String)
    /// Writes the record, and creates its folders.
    case writeRecord(InstallationRecord)
    case removeFile(String)
    /// Removes the log and its rotated files.
    case removeLogs(String)
    /// Removes a folder with its contents.
    case eraseFolder(String)
    /// Removes a folder if it is empty.
    case removeFolder(String)
    /// Removes the record, and then its empty folders, innermost first.
    case removeRecord(folders: [String])
    case run([String])
}

extension Step {
    /// The step in a printed plan: the first line describes it, further lines have a file's content.
    var description: String {
        switch self {
        case .makeFolder(let path): "make folder \(path)"
        case .writeFile(let path, let content):
            "write \(path):\n" + Self.indented(content)
        case .writeManPage(let path, let program):
            "write \(path), which \"\(program) mangen\" makes"
        case .copyExecutable(let source, _, let path): "copy \(source) to \(path)"
        case .writeRecord: "write \(ServiceDefinition.recordFile): what this command has made"
        case .removeFile(let path): "remove \(path)"
        case .removeLogs(let path): "remove \(path) and its rotated files"
        case .eraseFolder(let path): "erase \(path) with all that is in it"
        case .removeFolder(let path): "remove folder \(path) if it is empty"
        case .removeRecord(let folders):
            (["remove \(ServiceDefinition.recordFile)"]
                + folders.map { Step.removeFolder($0).description })
                .joined(separator: "\n")
        case .run(let words): "run \(words.joined(separator: " "))"
        }
    }

    /// The line that is printed when the step is carried out.
    var announcement: String {
        switch self {
        case .makeFolder(let path), .writeFile(let path, _), .writeManPage(let path, _),
            .copyExecutable(_, _, let path):
            "installing \(path)..."
        case .writeRecord: "installing \(ServiceDefinition.recordFile)..."
        case .removeFile(let path), .eraseFolder(let path), .removeFolder(let path),
            .removeLogs(let path):
            "removing \(path)..."
        case .removeRecord: "removing \(ServiceDefinition.recordFile)..."
        case .run(let words): "running \(words.joined(separator: " "))..."
        }
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { $0.isEmpty ? "" : "    \($0)" }.joined(separator: "\n")
    }
}

/// The SHA-256 of a file's content, in hex.
struct Digest: Hashable, Codable, Sendable {
    let hex: String

    init(hex: String) { self.hex = hex }

    init(from decoder: any Decoder) throws {
        hex = try decoder.singleValueContainer().decode(String.self)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}
