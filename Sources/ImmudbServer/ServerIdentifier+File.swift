#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension ServerIdentifier {
    /// Reads the identifier of a data folder, or gives the folder one.
    ///
    /// When it returns, the file is durable: written whole under a name of its own, synced, then
    /// linked under the right one only if there is none yet, and the folder synced. Two servers
    /// that start at once agree.
    ///
    /// - Throws: `ServerStartError` that names the file; also if the file has not 12 bytes, since
    ///   drawing a new identifier would make clients take this server for another one.
    static func loadOrCreate(in directory: String) throws(ServerStartError) -> ServerIdentifier {
        let path = path(in: directory)
        if let identifier = try load(path) { return identifier }
        try create(path, in: directory)
        guard let identifier = try load(path) else {
            throw ServerStartError("server identifier \(path) vanished while it was created")
        }
        return identifier
    }

    /// Whether the folder has an identifier already.
    static func exists(in directory: String) -> Bool { access(path(in: directory), F_OK) == 0 }

    private static func path(in directory: String) -> String {
        directory.hasSuffix("/") ? directory + fileName : directory + "/" + fileName
    }

    /// - Returns: nil if there is no such file.
    private static func load(_ path: String) throws(ServerStartError) -> ServerIdentifier? {
        let file = uninterrupted { open(path, O_RDONLY | O_CLOEXEC) }
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: byteCount + 1)
        let count = uninterrupted { read(file, &bytes, bytes.count) }
        guard count >= 0 else { throw failure("read", path) }
        guard let identifier = ServerIdentifier(bytes.prefix(count)) else {
            let found = count > byteCount ? "more than \(byteCount)" : "\(count)"
            throw ServerStartError(
                "server identifier \(path) is damaged: it has \(found) bytes instead of "
                    + "\(byteCount). Restore it from a backup; if there is none, remove it: "
                    + "clients will then meet this server as a new one")
        }
        return identifier
    }

    private static func create(_ path: String, in directory: String) throws(ServerStartError) {
        let draft = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 16))"
        let file = uninterrupted { open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard file >= 0 else { throw failure("create", path) }
        defer { unlink(draft) }
        let bytes = random().bytes
        let count = uninterrupted { write(file, bytes, bytes.count) }
        let isWritten = count == bytes.count && uninterrupted { fsync(file) } == 0
        let reason = errno
        close(file)
        guard isWritten else { throw failure("write", path, errno: reason) }

        // A link never replaces a file that is there; a rename would. Some file systems have no
        // links: there the chance that two servers first start at the same moment is taken.
        if link(draft, path) != 0, errno != EEXIST, rename(draft, path) != 0 {
            throw failure("create", path)
        }
        let folder = uninterrupted { open(directory, O_RDONLY | O_CLOEXEC) }
        guard folder >= 0 else { throw failure("sync the folder of", path) }
        defer { close(folder) }
        guard uninterrupted({ fsync(folder) }) == 0 else { throw failure("sync the folder of", path) }
    }

    private static func failure(
        _ what: String, _ path: String, errno reason: Int32 = errno
    ) -> ServerStartError {
        ServerStartError("unable to \(what) server identifier \(path): \(systemMessage(reason))")
    }
}
