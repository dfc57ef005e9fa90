/// One thing that is done to a machine. Paths are those on the machine, without the folder that may stand in for it.
enum Step: Hashable, Sendable {
    case makeFolder(String)
    case writeFile(String, content: String)
    /// Only in a plan that is printed: nobody has asked the program for its page yet.
    case writeManPage(String, of: String)
    case copyExecutable(from: String, digest: Digest, to: String)
    /// Writes down what is being done, and makes the folders that this takes.
    case writeRecord(InstallationRecord)
    case removeFile(String)
    /// The log and those that were rotated.
    case removeLogs(String)
    /// A folder with all that is in it.
    case eraseFolder(String)
    /// If nothing is in it.
    case removeFolder(String)
    /// With the folders, if nothing else is in them, innermost first.
    case removeRecord(folders: [String])
    case run([String])
}

extension Step {
    /// What would be done, for those who only want to know: the first line is about the step, others are what a file
    /// would hold.
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

    /// What is said when it is done.
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
