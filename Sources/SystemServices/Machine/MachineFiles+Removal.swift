import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension MachineFiles {
    /// Removes a file. A missing file is not an error.
    func removeFile(_ path: String) throws(ServiceError) {
        guard let place = try writableIfThere(path) else { return }
        guard unlink(place) == 0 || errno == ENOENT else { throw failure("remove", path, .last) }
    }

    /// Removes a folder. A folder that is missing or not empty is not an error.
    func removeFolder(_ path: String) throws(ServiceError) {
        guard let place = try writableIfThere(path) else { return }
        let passes = [ENOENT, ENOTEMPTY, EEXIST, ENOTDIR, EBUSY]
        guard rmdir(place) == 0 || passes.contains(errno) else {
            throw failure("remove", path, .last)
        }
    }

    /// Removes a log and its rotated files: `immudb.log.1`, `immudb.log-20261128.gz`.
    func removeLogs(_ path: String) throws(ServiceError) {
        let folder = parentFolder(of: path)
        let log = FilePath(path).lastComponent?.string ?? ""
        guard let place = try writableIfThere(folder), let listing = opendir(place) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = Self.name(of: entry)
            guard name == log || name.hasPrefix(log + ".") || name.hasPrefix(log + "-") else {
                continue
            }
            // A folder of that name is not a log.
            guard isRegularFile(place + "/" + name) == true else { continue }
            try removeFile(folder + "/" + name)
        }
    }

    /// Removes a folder with its contents, but follows no links and leaves a mount point empty.
    func eraseFolder(_ path: String) throws(ServiceError) {
        guard let place = try writableIfThere(path) else { return }
        do {
            try FolderErasure.erase(place)
        } catch {
            throw failure("erase", path, error)
        }
        try removeFolder(path)
    }
}
