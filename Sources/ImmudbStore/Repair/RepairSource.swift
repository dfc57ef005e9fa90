import StorageIO

/// Where a repair takes entries from: see ``Database/repair(at:from:options:)``.
public enum RepairSource: Sendable {
    /// The folder of another copy of the database, which is not open.
    case folder(String)
    /// The files of a full backup and its incrementals, in any order, or of some of them.
    case backups([String])
}

extension RepairSource {
    /// Locks it, so that nobody writes to it meanwhile.
    ///
    /// - Returns: nil for files that nobody writes to, and for a medium that takes no writes.
    /// - Throws: `inUse`; the operating system's errors.
    func lock(_ fileSystem: any FileSystem) throws(StoreError) -> (any FileLock)? {
        guard case .folder(let path) = self else { return nil }
        return try Database.lockToRead(path, fileSystem)
    }

    /// - Throws: `corruption` and `incompatibleFormat` if there is nothing to take; `foreignDatabase` for backups of several
    ///   databases; the operating system's errors.
    func open(_ fileSystem: any FileSystem) throws(StoreError) -> any EntrySource {
        switch self {
        case .folder(let path): try CopiedLedger(path, fileSystem: fileSystem)
        case .backups(let paths): try BackedUpEntries(paths, fileSystem: fileSystem)
        }
    }
}
