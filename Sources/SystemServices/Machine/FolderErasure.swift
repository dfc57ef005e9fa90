import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Empties a folder to which another user may write meanwhile: each folder is opened relative to its open parent, and
/// never through a link.
enum FolderErasure {
    private static let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC

    /// - Throws: `Errno`, also if the path is a link.
    static func erase(_ path: String) throws(Errno) {
        let folder = open(path, flags)
        guard folder >= 0 else { throw .last }
        try empty(folder)
    }

    /// Empties and removes the folder.
    static func eraseWhole(_ path: String) throws(Errno) {
        try erase(path)
        guard rmdir(path) == 0 else { throw .last }
    }

    /// Empties an open folder, and closes it.
    private static func empty(_ folder: Int32) throws(Errno) {
        guard let listing = fdopendir(folder) else {
            let reason = Errno.last
            close(folder)
            throw reason
        }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = MachineFiles.name(of: entry)
            if [".", ".."].contains(name) { continue }
            if unlinkat(folder, name, 0) == 0 || errno == ENOENT { continue }
            // For a folder, Linux returns EISDIR, other systems EPERM.
            guard errno == EISDIR || errno == EPERM else { throw .last }
            let inner = openat(folder, name, flags)
            guard inner >= 0 else { throw .last }
            try empty(inner)
            guard unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT else { throw .last }
        }
    }
}
