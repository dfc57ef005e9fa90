public import ImmudbModel
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The file system of the operating system. This file and ``POSIXFile`` make all system calls of this module.
public struct POSIXFileSystem: FileSystem {
    /// Only the owner of a database may access its data, no other local user.
    private static let folderMode: mode_t = 0o700
    private static let fileMode: mode_t = 0o600

    public init() {}

    public func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        let flags =
            switch mode {
            case .readOnly: O_RDONLY
            case .readWrite: O_RDWR
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        return POSIXFile(path: path, descriptor: try openRegularFile(path, flags))
    }

    public func openOwn(_ path: String) throws(StoreError) -> any StorageFile {
        // A pipe would have the opening wait.
        let descriptor = try openDescriptor(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
        let file = POSIXFile(path: path, descriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw StoreError.system("cannot look at", path, errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else {
            throw StoreError(
                .permissionDenied, "\(path) is not a regular file, or belongs to another user")
        }
        guard fchmod(descriptor, Self.fileMode) == 0 else {
            throw StoreError.system("cannot make private", path, errno)
        }
        return file
    }

    public func names(inDirectory path: String) throws(StoreError) -> [String] {
        var opened = opendir(path)
        while opened == nil, errno == EINTR { opened = opendir(path) }
        guard let directory = opened else {
            throw StoreError.system("cannot list the folder", path, errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw StoreError.system("cannot list the folder", path, errno) }
        return names
    }

    public func createDirectory(_ path: String) throws(StoreError) {
        var code = mkdir(path, Self.folderMode) == 0 ? 0 : errno
        let parent = parentFolder(of: path)
        if code == ENOENT, !path.isEmpty, parent != path {
            try createDirectory(parent)
            code = mkdir(path, Self.folderMode) == 0 ? 0 : errno
        }
        guard code == 0 || code == EEXIST else {
            throw StoreError.system("cannot create the folder", path, code)
        }
        if code == EEXIST {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw StoreError(.io, "\(path) exists and is not a folder")
            }
        }
        try synchronizeNames(upFrom: path)
    }

    /// Makes the names of a folder and of its parents durable, so that nothing in it can be lost: earlier code may have
    /// created them and failed before they were durable.
    private func synchronizeNames(upFrom path: String) throws(StoreError) {
        var folder = path
        while parentFolder(of: folder) != folder {
            folder = parentFolder(of: folder)
            do throws(StoreError) {
                try synchronizeDirectory(folder)
            } catch  where error.code == .permissionDenied {
                // A folder of another user, which this process did not create and cannot open.
            }
            if folder == "." { break }
        }
    }

    public func exists(_ path: String) throws(StoreError) -> Bool {
        var status = stat()
        if stat(path, &status) == 0 { return true }
        if [ENOENT, ENOTDIR, ENAMETOOLONG].contains(errno) { return false }
        throw StoreError.system("cannot look at", path, errno)
    }

    /// Returns whether a name, or what a link of the name leads to, is a regular file.
    public func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Returns whether a name is a link or a mount point, in whose place no folder can be renamed.
    public func isLinkOrMountPoint(_ path: String) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return false }
        if status.st_mode & S_IFMT == S_IFLNK { return true }
        var parent = stat()
        return stat(parentFolder(of: path), &parent) == 0 && parent.st_dev != status.st_dev
    }

    /// Returns whether two names are of one file, which exists.
    public func isSameFile(_ path: String, _ other: String) -> Bool {
        var first = stat()
        var second = stat()
        return stat(path, &first) == 0 && stat(other, &second) == 0
            && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    public func removeFile(_ path: String) throws(StoreError) {
        if unlink(path) != 0 && errno != ENOENT {
            throw StoreError.system("cannot remove", path, errno)
        }
    }

    public func rename(_ path: String, to newPath: String) throws(StoreError) {
        #if canImport(Darwin)
            let result = Darwin.rename(path, newPath)
        #else
            let result = Glibc.rename(path, newPath)
        #endif
        if result != 0 { throw StoreError.system("cannot rename to \(newPath)", path, errno) }
    }

    public func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        var status = statvfs()
        while statvfs(path, &status) != 0 {
            if errno != EINTR {
                throw StoreError.system("cannot read the free space of", path, errno)
            }
        }
        return FreeSpace(
            byteCount: UInt64(status.f_bavail) * UInt64(status.f_frsize),
            // Btrfs and others have no table of inodes and report a total of 0.
            fileCount: status.f_files == 0 ? nil : UInt64(status.f_favail))
    }

    public func synchronizeDirectory(_ path: String) throws(StoreError) {
        let descriptor = try openDescriptor(path, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw StoreError.system("cannot sync the folder", path, errno) }
        }
    }

    public func lock(_ path: String) throws(StoreError) -> any FileLock {
        try POSIXFileLock(
            path: path,
            descriptor: openRegularFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, orThrow: .io))
    }

    public func lockReadOnly(_ path: String) throws(StoreError) -> (any FileLock)? {
        guard try exists(path) else { return nil }
        return try POSIXFileLock(
            path: path,
            descriptor: openRegularFile(path, O_RDONLY | O_NOFOLLOW, orThrow: .io),
            writesOwner: false)
    }

    /// Opens a file, and nothing else that may have its name.
    ///
    /// - Parameter code: the code of the error for a pipe, a device, a socket or a folder.
    private func openRegularFile(
        _ path: String, _ flags: Int32, orThrow code: StoreError.Code = .corruption
    ) throws(StoreError) -> Int32 {
        let descriptor: Int32
        do throws(StoreError) {
            // The opening of a pipe would wait for its other end. For files nonblocking changes nothing.
            descriptor = try openDescriptor(path, flags | O_NONBLOCK | O_NOCTTY)
        } catch {
            // Sockets cannot be opened at all, and folders not to write.
            var status = stat()
            if flags & O_EXCL == 0, stat(path, &status) == 0 {
                try Self.refuseOther(path, status, code)
            }
            throw error
        }
        var status = stat()
        let failure = fstat(descriptor, &status) == 0 ? nil : errno
        do throws(StoreError) {
            if let failure { throw StoreError.system("cannot look at", path, failure) }
            try Self.refuseOther(path, status, code)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func refuseOther(
        _ path: String, _ status: stat, _ code: StoreError.Code
    ) throws(StoreError) {
        let what =
            switch status.st_mode & S_IFMT {
            case S_IFREG: nil as String?
            case S_IFIFO: "a pipe"
            case S_IFDIR: "a folder"
            case S_IFSOCK: "a socket"
            case S_IFBLK, S_IFCHR: "a device"
            default: "something else"
            }
        if let what { throw StoreError(code, "\(path) is \(what), and not a file") }
    }

    public func lockOwn(_ path: String) throws(StoreError) -> any FileLock {
        // A pipe would have the opening wait.
        let descriptor = try openDescriptor(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_uid == geteuid(), POSIXFileLock.mayBeLock(descriptor)
        else {
            close(descriptor)
            throw StoreError(
                .permissionDenied, "\(path) is not a lock of this user's, but another file")
        }
        return try POSIXFileLock(path: path, descriptor: descriptor)
    }

    private func openDescriptor(_ path: String, _ flags: Int32) throws(StoreError) -> Int32 {
        while true {
            #if canImport(Darwin)
                let descriptor = Darwin.open(path, flags | O_CLOEXEC, Self.fileMode)
            #else
                let descriptor = Glibc.open(path, flags | O_CLOEXEC, Self.fileMode)
            #endif
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw StoreError.system("cannot open", path, errno) }
        }
    }

}

/// An advisory lock on a file that contains the process id of its owner, for people to read.
///
/// The lock belongs to the open file, so it ends with the process, however the process ends; the file stays.
private final class POSIXFileLock: FileLock {
    private let descriptor: Int32
    private let writesOwner: Bool

    init(path: String, descriptor: Int32, writesOwner: Bool = true) throws(StoreError) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let owner = Self.owner(in: descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else { throw StoreError.system("cannot lock", path, code) }
            guard owner != getpid() else {
                throw StoreError(
                    .inUse,
                    "\(path) is locked: the folder is open already in this process; use that database, or "
                        + "close it first")
            }
            let process = owner.map { "process \($0)" } ?? "another process"
            throw StoreError(
                .inUse,
                "\(path) is locked: the folder is in use by \(process); stop that process first, "
                    + "or name another folder")
        }
        self.descriptor = descriptor
        self.writesOwner = writesOwner
        guard writesOwner else { return }
        let text = "\(getpid())\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    deinit {
        if writesOwner { ftruncate(descriptor, 0) }
        // Closing alone would leave it locked while a child process has a copy of the descriptor, as it does between
        // fork and exec.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Returns whether the content is that of a lock: nothing, or the number of a process.
    static func mayBeLock(_ descriptor: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 21)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard (0...20).contains(count) else { return false }
        var text = bytes.prefix(count)
        if text.last == UInt8(ascii: "\n") { text.removeLast() }
        return text.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func owner(in descriptor: Int32) -> pid_t? {
        var digits = [UInt8](repeating: 0, count: 20)
        let count = pread(descriptor, &digits, digits.count, 0)
        let text = String(decoding: digits.prefix(max(0, count)), as: UTF8.self)
        return pid_t(text.prefix { $0.isNumber })
    }
}

extension StoreError {
    /// Makes an error of the operating system: the failed action, its object and the reason, with a code for each case
    /// in which a person can act.
    public static func system(_ what: String, _ path: String, _ number: Int32) -> StoreError {
        let code: Code =
            switch number {
            case ENOSPC, EDQUOT: .noSpace
            case EACCES, EPERM, EROFS: .permissionDenied
            case EMFILE, ENFILE: .noDescriptors
            default: .io
            }
        return StoreError(code, "\(what) \(path): \(Errno(rawValue: number))")
    }
}
