import Foundation
import ImmudbModel
import ImmudbProtocol
import ImmudbVerification
import POSIX
import SwiftProtobuf

/// One file that holds a trusted root: reads, locks and replaces it. All functions block: do not call them on Swift's
/// own threads.
struct RootFile: Sendable {
    let directory: String
    let path: String

    /// The file of a server that was empty at first contact: a root without index and digest. It is not empty, since a
    /// power failure can leave an empty file.
    private static let emptyTree: [UInt8] = [0x08, 0x00]

    /// Reads the root.
    ///
    /// - Returns: nil if there is no file, or if the server was empty at first contact, so that nothing is trusted yet.
    /// - Throws: code `.trustedRootUnusable` if the file cannot be read or does not hold a root.
    func read() throws(ClientError) -> TrustedRoot? { try hold()?.root }

    /// Reads the root, and keeps the file open.
    ///
    /// - Returns: as `read`.
    /// - Throws: as `read`.
    func hold() throws(ClientError) -> HeldRoot? {
        let file: FileDescriptor
        do {
            file = try .opening(path, .readOnly)
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch {
            throw unreadable(error)
        }
        var isHeld = false
        defer { if !isHeld { try? file.close() } }
        let bytes: [UInt8]
        var stamp: FileStamp?
        do {
            let before = try FileStamp(of: file)
            // A root has at most 44 bytes.
            bytes = try file.bytes(upTo: 256)
            // A file that is overwritten in place while it is read has no stamp.
            if try FileStamp(of: file) == before, isOnLocalFileSystem(file) { stamp = before }
        } catch {
            throw unreadable(error)
        }
        guard let root = try decode(bytes) else { return nil }
        isHeld = true
        return HeldRoot(root, path, file, stamp)
    }

    private func unreadable(_ error: any Error) -> ClientError {
        unusable("cannot be read: \(error)")
    }

    private func decode(_ bytes: [UInt8]) throws(ClientError) -> TrustedRoot? {
        if bytes == Self.emptyTree { return nil }
        guard !bytes.isEmpty else {
            throw unusable(
                "has no bytes: a power failure leaves it so, or a client of immudb 0.6 that met an empty "
                    + "server")
        }
        guard let message = try? Immudb_Schema_Root(serializedBytes: bytes),
            message.unknownFields.data.isEmpty, !message.hasSignature, !message.root.isEmpty,
            let root = try? TrustedRoot(lastIndex: message.index, rootBytes: message.root)
        else {
            throw unusable("does not hold a root")
        }
        return root
    }

    /// Replaces the file. When it returns, the new root is on disk; when it throws, the old root or the new one is.
    ///
    /// Costs two fsyncs. Call it only under the lock, since the temporary file has a fixed name.
    func write(_ root: TrustedRoot) throws(ClientError) {
        do {
            let draft = try FileDraft(
                of: path, permissions: Self.permissions, suffix: ".tmp", takesOver: true)
            try draft.write(encode(root))
            try draft.replace()
        } catch {
            throw cannotStore("write", path, error)
        }
    }

    private static let permissions = FilePermissions(rawValue: 0o644)

    private func encode(_ root: TrustedRoot) -> [UInt8] {
        root.size.isEmpty ? Self.emptyTree : root.wireBytes
    }

    /// Runs `body` while no other process, and no other store of this process, does so for the same file.
    func withLock<R>(timeoutMilliseconds: Int, _ body: () throws -> R) throws -> R {
        let lock = path + ".lock"
        let file: FileDescriptor
        do {
            try makeFolders(directory, permissions: .ownerReadWriteExecute)
            file = try .opening(lock, .readWrite, .create, permissions: Self.permissions)
        } catch {
            throw cannotStore("open", lock, error)
        }
        let descriptor = file.rawValue
        // Closing alone would not release the lock while a child process has a copy of the descriptor.
        defer {
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
        let pauseMilliseconds = 5
        var waitedMilliseconds = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw cannotStore("lock", lock, Errno.last)
            }
            guard waitedMilliseconds < timeoutMilliseconds else {
                throw ClientError(
                    .trustedRootUnusable,
                    "another process has held the lock \(lock) for \(waitedMilliseconds) ms")
            }
            usleep(UInt32(pauseMilliseconds * 1_000))
            waitedMilliseconds += pauseMilliseconds
        }
        return try body()
    }

    private func unusable(_ what: String) -> ClientError {
        ClientError(
            .trustedRootUnusable,
            "the trusted root in \(path) \(what). Restore the file, or, if you have reason to "
                + "trust the server as it is now, remove it: the next call is then a first contact")
    }

    private func cannotStore(
        _ action: String, _ path: String, _ reason: any Error
    ) -> ClientError {
        ClientError(
            .trustedRootUnusable,
            "cannot \(action) \(path) to store the trusted root: \(reason). "
                + "The directory must be writable")
    }
}
