import ChildProcess
import Foundation
import TestTools
import Testing

/// Programs of the system that check our files.
enum SystemTools {
    static func path(of name: String) -> String? {
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    ///
    /// - Returns: its exit code, and the text of both outputs.
    static func run(_ name: String, _ arguments: [String]) throws -> (code: Int32, text: String) {
        let folder = TemporaryFolder()
        let path = try folder.write("output", "")
        let output = try FileHandle(forWritingTo: folder.file("output"))
        let process = try ChildProcess(
            #require(Self.path(of: name)), arguments,
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"],
            directory: folder.path,
            streams: .init(output: output.fileDescriptor, errors: output.fileDescriptor))
        let end = process.waitUntilEnd()
        withExtendedLifetime(output) {}
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard case .exited(let code) = end else { return (-1, text) }
        return (code, text)
    }

    static let deploy = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../deploy").standardizedFileURL
}
