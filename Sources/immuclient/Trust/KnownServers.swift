import Foundation
import ImmudbClient
import POSIX

/// Which server was trusted at which address, so that another one there is not taken for a first contact.
///
/// A file of lines, address and identity; lines are added, and the last one of an address counts.
struct KnownServers {
    private static let maxByteCount = 16 << 20

    let path: String

    init(in folder: String) { path = "\(folder)/known-servers" }

    /// Whether any server was noted.
    var exist: Bool { FileManager.default.fileExists(atPath: path) }

    /// nil: none was trusted there.
    ///
    /// - Throws: `ToolError` if the file cannot be read, or has something else than an identity at the address:
    ///   breaking the file must not let another server in.
    func identity(at address: String) throws(ToolError) -> ServerIdentity? {
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            bytes = try file.closeAfter { try file.bytes(upTo: Self.maxByteCount) }
        } catch Errno.noSuchFileOrDirectory, Errno.notDirectory {
            return nil
        } catch {
            throw ToolError("cannot read \(path), the servers that were trusted: \(error)")
        }
        let prefix = address + " "
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard let line = lines.last(where: { $0.hasPrefix(prefix) }) else { return nil }
        guard let identity = ServerIdentity(String(line.dropFirst(prefix.count))) else {
            throw ToolError(
                "\(path) has no identity of a server in the line \"\(line)\": restore the file, or remove the "
                    + "line if you have reason to trust the server that is at \(address) now")
        }
        return identity
    }

    /// When it returns, the server is noted on disk.
    func note(_ server: ServerIdentity, at address: String) throws(ToolError) {
        if try identity(at: address) == server { return }
        do {
            let folder = parentFolder(of: path)
            try makeFolders(folder, permissions: .ownerReadWriteExecute)
            let file = try FileDescriptor.opening(
                path, .writeOnly, [.create, .append, .nonBlocking], permissions: .ownerReadWrite)
            defer { try? file.close() }
            // The first byte ends a line that a full disk has cut short. Empty lines mean nothing.
            try file.writeAll("\n\(address) \(server.text)\n".utf8)
            try file.synchronize()
            try synchronizeFolder(folder)
        } catch {
            throw ToolError(
                "cannot note the server in \(path): \(error). --dir names another folder")
        }
    }
}
