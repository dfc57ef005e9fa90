import ClientKit
import Foundation
import ImmudbClient
import MerkleTree
import POSIX

/// The roots for which receipts were written here, each verified at that time: they allow a receipt to be checked years
/// later, when the trusted root has moved far ahead.
///
/// A file of lines with last index and root in hexadecimal; lines are added, never changed.
struct ReceiptRoots {
    private let path: String

    init(of server: ServerIdentity, in directory: String) {
        path = (directory.isEmpty ? "." : directory) + "/.receipts-\(server.text)"
    }

    func contains(_ root: TrustedRoot) throws(ToolError) -> Bool {
        guard access(path, F_OK) == 0 || errno != ENOENT else { return false }
        let text = String(decoding: try contents(of: path), as: UTF8.self)
        return text.split(separator: "\n").contains { $0 == Self.line(root) }
    }

    /// Notes a root on disk.
    func add(_ root: TrustedRoot) throws(ToolError) {
        if try contains(root) { return }
        do {
            let file = try FileDescriptor.opening(
                path, .writeOnly, [.create, .append, .nonBlocking],
                permissions: .init(rawValue: 0o644))
            defer { try? file.close() }
            // The first line break ends a line that a full disk has cut short. Empty lines are ignored.
            try file.writeAll("\n\(Self.line(root))\n".utf8)
            try file.synchronize()
            try synchronizeFolder(parentFolder(of: path))
        } catch {
            throw failure(error)
        }
    }

    private static func line(_ root: TrustedRoot) -> String {
        "\(root.size.rawValue &- 1) \(root.root.hex)"
    }

    private func failure(_ error: any Error) -> ToolError {
        ToolError(
            "cannot note the receipt's root in \(path): \(error). The folder "
                + "of --dir must exist and be writable")
    }
}
