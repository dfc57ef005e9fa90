import Foundation
import ImmudbProtocol
import ImmudbVerification
import SwiftProtobuf

/// One file that holds a trusted root: how it is read, locked and replaced. Blocking calls; not for
/// Swift's own threads.
struct RootFile: Sendable {
    let directory: String
    let path: String

    /// - Returns: nil if there is no file, or one without bytes: the server was empty at first
    ///   contact, so nothing is trusted yet.
    /// - Throws: code `.trustedRootUnusable` if there is one that cannot be read or is not a root.
    func read() throws(ClientError) -> TrustedRoot? {
        let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw unusable("cannot be opened: \(reason())")
        }
        defer { close(descriptor) }
        // A root has at most 44 bytes.
        var bytes = [UInt8](repeating: 0, count: 256)
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let result = bytes.withUnsafeMutableBytes { buffer in
                Foundation.read(descriptor, buffer.baseAddress?.advanced(by: count), room)
            }
            if result == 0 { break }
            if result < 0 {
                if errno == EINTR { continue }
                throw unusable("cannot be read: \(reason())")
            }
            count += result
        }
        return try decode(bytes.prefix(count))
    }

    private func decode(_ bytes: ArraySlice<UInt8>) throws(ClientError) -> TrustedRoot? {
        if bytes.isEmpty { return nil }
        guard let message = try? Immudb_Schema_Root(serializedBytes: Array(bytes)),
            message.unknownFields.data.isEmpty, !message.root.isEmpty,
            let root = try? TrustedRoot(lastIndex: message.index, rootBytes: message.root)
        else {
            throw unusable("does not hold a root")
        }
        return root
    }

    /// Replaces the file. When it returns, the new root is on disk; when it throws, the old one or
    /// the new one.
    ///
    /// Costs two fsyncs. Only under the lock, since the temporary file has a fixed name.
    func write(_ root: TrustedRoot) throws(ClientError) {
        let temporary = path + ".tmp"
        let descriptor = uninterrupted {
            open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else { throw cannotStore("open", temporary) }
        try fill(descriptor, with: encode(root), path: temporary)
        guard rename(temporary, path) == 0 else { throw cannotStore("rename", temporary) }
        let folder = uninterrupted { open(directory, O_RDONLY | O_CLOEXEC) }
        guard folder >= 0 else { throw cannotStore("open", directory) }
        defer { close(folder) }
        guard uninterrupted({ fsync(folder) }) == 0 else { throw cannotStore("sync", directory) }
    }

    /// Writes and syncs a whole file, and closes it.
    private func fill(_ descriptor: Int32, with bytes: [UInt8], path: String) throws(ClientError) {
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { bytes in
            uninterrupted { Foundation.write(descriptor, bytes.baseAddress, bytes.count) }
        }
        guard written == bytes.count else { throw cannotStore("write", path) }
        guard uninterrupted({ fsync(descriptor) }) == 0 else { throw cannotStore("sync", path) }
    }

    private func encode(_ root: TrustedRoot) -> [UInt8] {
        guard let lastIndex = root.size.lastIndex else { return [] }
        // Two fields, by hand since encoding them cannot fail: 1, a varint, left out if 0; 2, the
        // bytes of the root.
        var bytes: [UInt8] = []
        var rest = lastIndex.rawValue
        if rest > 0 {
            bytes.append(0x08)
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes + [0x12, UInt8(Digest.byteCount)] + root.root.bytes
    }

    /// Runs `body` while no other process, and no other store of this one, does so for the same
    /// file.
    func withLock<R>(timeoutMilliseconds: Int, _ body: () throws -> R) throws -> R {
        let lock = path + ".lock"
        let descriptor = uninterrupted { open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw cannotStore("open", lock) }
        // Closing alone would not give the lock back while a child process has a copy of the file.
        defer {
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
        let pauseMilliseconds = 5
        var waitedMilliseconds = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw cannotStore("lock", lock) }
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

    private func cannotStore(_ action: String, _ path: String) -> ClientError {
        ClientError(
            .trustedRootUnusable,
            "cannot \(action) \(path) to store the trusted root: \(reason()). "
                + "The directory must exist and be writable")
    }

    private func reason() -> String { String(cString: strerror(errno)) }
}

/// Repeats a system call that a signal interrupted.
private func uninterrupted<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
