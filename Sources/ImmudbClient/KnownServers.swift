import Foundation
package import ImmudbModel
import POSIX

/// The servers that were trusted, by address, so that another one there is not taken for a first contact.
///
/// A file of lines, address and identity; lines are added, and the last one of an address counts. Blocking calls; not
/// for Swift's own threads.
package struct KnownServers: Sendable {
    private static let maxByteCount = 16 << 20

    package let path: String

    /// - Parameter folder: the one of the trusted roots.
    package init(in folder: String) { path = "\(folder)/known-servers" }

    /// Whether any server was noted.
    package var exist: Bool { FileManager.default.fileExists(atPath: path) }

    /// The server that was trusted at an address; nil: none.
    ///
    /// - Throws: code `.trustedRootUnusable` if the file cannot be read, or has something else than an identity at the
    ///   address: breaking the file must not let another server in.
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

    /// When it returns, the server is noted on disk.
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
            // The first byte ends a line that a full disk has cut short. Empty lines mean nothing.
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
