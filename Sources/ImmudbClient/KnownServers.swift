import Foundation
package import ImmudbModel
import POSIX

/// The servers that were trusted, by address, so that another server there is not taken for a first contact.
///
/// A file of lines with address and identity; lines are appended, and the last one of an address counts. All functions
/// block: do not call them on Swift's own threads.
package struct KnownServers: Sendable {
    private static let maxByteCount = 16 << 20

    package let path: String

    /// - Parameter folder: the folder of the trusted roots.
    package init(in folder: String) { path = "\(folder)/known-servers" }

    /// Whether any server was noted.
    package var exist: Bool { FileManager.default.fileExists(atPath: path) }

    /// Returns the server that was trusted at an address, or nil if no server was.
    ///
    /// - Throws: code `.trustedRootUnusable` if the file cannot be read, or the address has something else than an
    ///   identity: damaging the file must not let another server in.
    package func identity(at address: String) throws(ClientError) -> ServerIdentity? {
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            bytes = try file.closeAfter { try file.bytes(upTo: Self.maxByteCount) }
        } catch Errno.noSuchFileOrDirectory, Errno.notDirectory {
            return nil
        } catch {
            throw ClientError(
                .trustedRootUnusable, "cannot read \(path), the servers that were trusted: \(error)"
            )
        }
        let prefix = address + " "
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard let line = lines.last(where: { $0.hasPrefix(prefix) }) else { return nil }
        guard let identity = ServerIdentity(String(line.dropFirst(prefix.count))) else {
            throw ClientError(
                .trustedRootUnusable,
                "\(path) has no identity of a server in the line \"\(line)\": restore the file, or remove the "
                    + "line if you have reason to trust the server that is at \(address) now")
        }
        return identity
    }

    /// Notes a server on disk.
    ///
    /// - Throws: code `.trustedRootUnusable`.
    package func note(_ server: ServerIdentity, at address: String) throws(ClientError) {
        if try identity(at: address) == server { return }
        do {
            let folder = parentFolder(of: path)
            try makeFolders(folder, permissions: .ownerReadWriteExecute)
            let file = try FileDescriptor.opening(
                path, .writeOnly, [.create, .append, .nonBlocking], permissions: .ownerReadWrite)
            defer { try? file.close() }
            // The first line break ends a line that a full disk has cut short. Empty lines are ignored.
            try file.writeAll("\n\(address) \(server.text)\n".utf8)
            try file.synchronize()
            try synchronizeFolder(folder)
        } catch {
            throw ClientError(
                .trustedRootUnusable,
                "cannot note the server in \(path): \(error). The folder must be writable")
        }
    }
}
