import Foundation
import ImmudbClient
import MerkleTree
import POSIX

/// The roots for which receipts were written here, each verified then: by them a receipt can be
/// checked years later, when the trusted root has long moved on.
///
/// A file of lines, last index and root in hexadecimal; lines are added, never changed.
struct ReceiptRoots {
    private let path: String

    init(of server: ServerIdentity, in directory: String) throws(ToolError) {
        path = (directory.isEmpty ? "." : directory) + "/.receipts-\(server.text)"
    }

    func contains(_ root: TrustedRoot) throws(ToolError) -> Bool {
        guard access(path, F_OK) == 0 || errno != ENOENT else { return false }
        let text = String(decoding: try contents(of: path), as: UTF8.self)
        return text.split(separator: "\n").contains { $0 == Self.line(root) }
    }

    /// When it returns, the root is noted on disk.
    func add(_ root: TrustedRoot) throws(ToolError) {
        if try contains(root) { return }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        let line = Array((Self.line(root) + "\n").utf8)
        guard Foundation.write(file, line, line.count) == line.count, fsync(file) == 0 else {
            throw failure()
        }
    }

    private static func line(_ root: TrustedRoot) -> String {
        "\(root.size.rawValue &- 1) \(root.root.hex)"
    }

    private func failure() -> ToolError {
        ToolError(
            "cannot note the receipt's root in \(path): \(Errno.last). The folder "
                + "of --dir must exist and be writable")
    }
}
