import Crypto
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The files of a machine, or of a folder that stands in for one. Nothing outside of that folder is ever written to,
/// even through links.
///
/// Paths are relative to the machine's root. Calls block.
struct MachineFiles: Sendable {
    /// The folder that stands in for the machine; empty for the machine itself.
    private let root: String
    private static let fileMode: mode_t = 0o644
    private static let executableMode: mode_t = 0o755
    private static let folderMode: mode_t = 0o755
    private static let chunkByteCount = 1 << 20
    /// A record has a few thousand bytes; a larger file is not a record.
    private static let maxTextByteCount = 1 << 20

    init(root: String) { self.root = root }

    var isStandIn: Bool { !root.isEmpty }

    // MARK: looking

    /// Returns the kind of file at a path.
    ///
    /// - Parameter followsLinks: whether to look at a link's target.
    func place(at path: String, followsLinks: Bool) -> Survey.Place {
        let path = root + path
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else {
            return errno == ENOENT || errno == ENOTDIR
                ? .missing : .other("unreadable: \(Errno.last)")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            do {
                return .file(try Self.digest(ofFileAt: path), owner: status.st_uid)
            } catch {
                return .other("a file that cannot be read: \(error)")
            }
        case S_IFDIR: return .folder(owner: status.st_uid, isEmpty: Self.isEmpty(path))
        case S_IFLNK: return .other("a link")
        default: return .other("a device or a socket")
        }
    }

    /// - Returns: nil if there is no such file.
    func text(of path: String) throws(ServiceError) -> String? {
        do {
            let file = try FileDescriptor.opening(
                root + path, .readOnly, [.noFollow, .nonBlocking])
            let bytes = try file.closeAfter { try file.bytes(upTo: Self.maxTextByteCount) }
            return String(decoding: bytes, as: UTF8.self)
        } catch Errno.noSuchFileOrDirectory, Errno.notDirectory {
            return nil
        } catch {
            throw ServiceError("\(path) cannot be read: \(error)")
        }
    }

    private static func isEmpty(_ path: String) -> Bool {
        guard let folder = opendir(path) else { return false }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            guard [".", ".."].contains(name(of: entry)) else { return false }
        }
        return true
    }

    static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
    }

    /// - Throws: `Errno`.
    static func digest(ofFileAt path: String) throws -> Digest {
        let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
        return try file.closeAfter { try copy(from: file) { _ in } }
    }

    /// Copies a program to a path that does not exist yet; everybody may run the copy.
    ///
    /// - Throws: `Errno`.
    static func copy(_ source: String, to path: String) throws -> Digest {
        let copy = try FileDescriptor.opening(
            path, .writeOnly, [.create, .exclusiveCreate], permissions: .ownerReadWrite)
        return try copy.closeAfter {
            let file = try FileDescriptor.opening(source, .readOnly, .nonBlocking)
            let digest = try file.closeAfter {
                try Self.copy(from: file) { _ = try copy.writeAll($0) }
            }
            guard fchmod(copy.rawValue, executableMode) == 0 else { throw Errno.last }
            return digest
        }
    }

    /// Copies a file to its end.
    private static func copy(
        from file: FileDescriptor, to write: ([UInt8]) throws -> Void
    ) throws -> Digest {
        var hash = SHA256()
        while true {
            let bytes = try file.bytes(upTo: chunkByteCount)
            if bytes.isEmpty { break }
            hash.update(data: bytes)
            try write(bytes)
        }
        return Digest(hash.finalize())
    }

    // MARK: making

    /// - Throws: `ServiceError`, also if there is already a file that is not a folder.
    func makeFolder(_ path: String) throws(ServiceError) {
        let place = try writable(path)
        if mkdir(place, Self.folderMode) == 0 {
            // Independent of the caller's umask.
            guard chmod(place, Self.folderMode) == 0 else { throw failure("make", path, .last) }
            return
        }
        let reason = Errno.last
        guard reason == .fileExists, isFolder(place) else { throw failure("make", path, reason) }
    }

    func write(_ content: String, to path: String) throws(ServiceError) {
        let place = try writable(path)
        try requireReplaceable(place, path)
        do {
            let draft = try FileDraft(of: place, permissions: .ownerReadWrite)
            try draft.write(Array(content.utf8))
            try Self.finish(draft, mode: Self.fileMode)
        } catch {
            throw failure("write", path, error)
        }
    }

    /// - Throws: `ServiceError`, also if the program has changed since the survey.
    func copyExecutable(from source: String, _ digest: Digest, to path: String) throws(ServiceError)
    {
        let place = try writable(path)
        try requireReplaceable(place, path)
        let found: Digest
        let draft: FileDraft
        do {
            draft = try FileDraft(of: place, permissions: .ownerReadWrite)
            let file = try FileDescriptor.opening(source, .readOnly, .nonBlocking)
            found = try file.closeAfter { try Self.copy(from: file) { try draft.write($0) } }
        } catch {
            throw failure("copy \(source) to", path, error)
        }
        guard found == digest else {
            throw ServiceError("\(source) has changed since it was looked at: begin again")
        }
        do {
            try Self.finish(draft, mode: Self.executableMode)
        } catch {
            throw failure("write", path, error)
        }
    }

    private static func finish(_ draft: FileDraft, mode: mode_t) throws {
        guard chmod(draft.draftPath, mode) == 0 else { throw Errno.last }
        try draft.replace()
    }

    /// Throws if a folder or a link has appeared at the file's path since the survey.
    private func requireReplaceable(_ place: String, _ path: String) throws(ServiceError) {
        guard isRegularFile(place) != false else {
            throw ServiceError("\(path) is no regular file: move it away")
        }
    }

    // MARK: places

    /// Returns the real path of a path on the machine.
    ///
    /// - Throws: `ServiceError` if its folder is missing, or is outside of the folder that stands in for the machine.
    private func writable(_ path: String) throws(ServiceError) -> String {
        guard let place = try writableIfThere(path) else {
            throw failure("write", path, .noSuchFileOrDirectory)
        }
        return place
    }

    /// - Returns: nil if its folder is missing.
    func writableIfThere(_ path: String) throws(ServiceError) -> String? {
        let place = root + path
        guard isStandIn else { return place }
        guard let folder = Self.realPath(parentFolder(of: place)) else { return nil }
        guard let realRoot = Self.realPath(root),
            folder == realRoot || folder.hasPrefix(realRoot + "/")
        else {
            throw ServiceError(
                "\(path) is outside of \(root), where a link leads: nothing was done there. Remove the link"
            )
        }
        return place
    }

    static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    func failure(_ action: String, _ path: String, _ reason: Errno) -> ServiceError {
        failure(action, path, reason as any Error)
    }

    func failure(_ action: String, _ path: String, _ reason: any Error) -> ServiceError {
        ServiceError("cannot \(action) \(root)\(path): \(reason)")
    }
}

extension Digest {
    static func of(_ text: String) -> Digest { Digest(SHA256.hash(data: Array(text.utf8))) }

    fileprivate init(_ digest: SHA256Digest) {
        self.init(
            hex: digest.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count < 2 ? "0" + digits : digits
            }.joined())
    }
}
