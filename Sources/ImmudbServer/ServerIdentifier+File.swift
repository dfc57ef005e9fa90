import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension ServerIdentifier {
    /// Reads the identifier of a data folder, or creates one.
    ///
    /// When it returns, the file is durable: it is written completely under a temporary name,
    /// synced, linked under its final name only if there is no such file yet, and the folder is
    /// synced. Two servers that start at once get the same identifier.
    ///
    /// - Throws: `ServerStartError` that names the file. A file that does not have 12 bytes is an
    ///   error, too: with a new identifier, clients would take this server for another one.
    static func loadOrCreate(in directory: String) throws(ServerStartError) -> ServerIdentifier {
        let path = path(in: directory)
        if let identifier = try load(path) { return identifier }
        try create(path)
        guard let identifier = try load(path) else {
            throw ServerStartError("server identifier \(path) vanished while it was created")
        }
        return identifier
    }

    /// Returns the identifier of a data folder; nil if it has none.
    ///
    /// - Throws: `ServerStartError` that names a damaged file.
    static func existing(in directory: String) throws(ServerStartError) -> ServerIdentifier? {
        try load(path(in: directory))
    }

    /// Whether the folder has an identifier.
    static func exists(in directory: String) -> Bool { access(path(in: directory), F_OK) == 0 }

    static func path(in directory: String) -> String {
        directory.hasSuffix("/") ? directory + fileName : directory + "/" + fileName
    }

    /// - Returns: nil if the file does not exist.
    private static func load(_ path: String) throws(ServerStartError) -> ServerIdentifier? {
        let bytes: [UInt8]
        do {
            // A pipe in its place would have the opening wait for its other end.
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            bytes = try file.closeAfter { try file.bytes(upTo: byteCount + 1) }
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch {
            throw failure("read", path, error)
        }
        guard let identifier = ServerIdentifier(bytes) else {
            let found = bytes.count > byteCount ? "more than \(byteCount)" : "\(bytes.count)"
            throw ServerStartError(
                "server identifier \(path) is damaged: it has \(found) bytes instead of "
                    + "\(byteCount). Restore it from a backup; if there is none, remove it: "
                    + "clients will then meet this server as a new one")
        }
        return identifier
    }

    private static func create(_ path: String) throws(ServerStartError) {
        do {
            let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
            try draft.write(random().bytes)
            try draft.createUnlessThere()
        } catch {
            throw failure("create", path, error)
        }
    }

    private static func failure(
        _ what: String, _ path: String, _ reason: any Error
    ) -> ServerStartError {
        ServerStartError("unable to \(what) server identifier \(path): \(reason)")
    }
}
