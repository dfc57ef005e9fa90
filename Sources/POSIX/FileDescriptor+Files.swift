public import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Errno {
    /// The error of the last system call of this thread.
    public static var last: Errno { Errno(rawValue: errno) }
}

extension FileDescriptor {
    /// Opens a file that child processes do not inherit.
    ///
    /// - Throws: `Errno`.
    public static func opening(
        _ path: String, _ mode: AccessMode, _ options: OpenOptions = [],
        permissions: FilePermissions? = nil
    ) throws -> FileDescriptor {
        try .open(
            FilePath(path), mode, options: options.union(.closeOnExec), permissions: permissions)
    }

    /// Reads to the end, but at most `limit` bytes.
    ///
    /// - Throws: `Errno`.
    public func bytes(upTo limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let chunk = try self.bytes(inOneReadUpTo: limit - bytes.count)
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return bytes
    }

    /// Reads what there is, at most `limit` bytes and 64 KiB, or waits for some.
    ///
    /// - Returns: nothing at the end of the file.
    /// - Throws: `Errno`.
    public func bytes(inOneReadUpTo limit: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: min(limit, 64 << 10)) { buffer, count in
            // Only the `count` bytes that the system has written become elements.
            count = try read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Waits until a read returns at once: there are bytes, or the end. A regular file never waits.
    ///
    /// - Returns: false if the time is over before.
    /// - Throws: `Errno`.
    public func waitForInput(milliseconds: Int32) throws -> Bool {
        var request = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        let count = poll(&request, 1, milliseconds)
        guard count < 0 else { return count > 0 }
        guard Errno.last == .interrupted else { throw Errno.last }
        return false
    }

    /// Closes the descriptor in programs that this process starts.
    ///
    /// - Throws: `Errno`.
    public func closeOnExec() throws {
        guard fcntl(rawValue, F_SETFD, FD_CLOEXEC) == 0 else { throw Errno.last }
    }

    /// Makes written bytes durable.
    ///
    /// - Throws: `Errno`.
    public func synchronize() throws {
        while fsync(rawValue) != 0 {
            guard errno == EINTR else { throw Errno.last }
        }
    }
}

/// Returns whether a path is that of a folder, or of a link to one.
public func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Returns whether a path is that of a file, and not of a link, a device, a pipe or a folder.
///
/// - Returns: nil if nothing has that path.
public func isRegularFile(_ path: String) -> Bool? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return status.st_mode & S_IFMT == S_IFREG
}

/// Returns the number of the user who owns a file or folder. Links are followed.
///
/// - Throws: `Errno`.
public func owner(of path: String) throws(Errno) -> UInt32 {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .last }
    return status.st_uid
}

/// Creates a folder and its missing parents.
///
/// - Parameter permissions: the permissions of the folders that are created.
/// - Throws: `Errno`.
public func makeFolders(_ path: String, permissions: FilePermissions) throws {
    if mkdir(path, permissions.rawValue) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, parentFolder(of: path) != path else { throw Errno.last }
    try makeFolders(parentFolder(of: path), permissions: permissions)
    guard mkdir(path, permissions.rawValue) == 0 || errno == EEXIST else { throw Errno.last }
}

/// Makes the names in a folder durable, after files were created, renamed or removed in it.
///
/// - Throws: `Errno`.
public func synchronizeFolder(_ path: String) throws {
    let folder = try FileDescriptor.opening(path, .readOnly)
    try folder.closeAfter { try folder.synchronize() }
}

/// Returns the permissions of an open file, as the lowest nine bits.
///
/// - Throws: `Errno`.
public func permissions(of file: FileDescriptor) throws(Errno) -> UInt32 {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw .last }
    return UInt32(status.st_mode) & 0o777
}

/// Removes all permissions for an open file except its owner's.
///
/// - Returns: whether there were any.
/// - Throws: `Errno`.
public func closeToOthers(_ file: FileDescriptor) throws -> Bool {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw Errno.last }
    guard status.st_mode & 0o077 != 0 else { return false }
    guard fchmod(file.rawValue, status.st_mode & 0o700) == 0 else { throw Errno.last }
    return true
}
