public import StorageIO

extension Database {
    /// Checks all files of a database that is not open, and changes none of them.
    ///
    /// - Reads the ledger once, from end to end: heads, frames, records, with all checksums; recomputes every leaf, node
    ///   and root.
    /// - Compares the tree's files and the key index with it, the index in both directions.
    /// - Does not stop at damage: it goes on behind it, and the roots after it prove what is whole.
    ///
    /// What it finds is in the report. Entries that somebody changed with everything that depends on them, up to the
    /// last root, can only be found by a root from elsewhere: see ``VerificationOptions/expectedRoot``.
    ///
    /// Memory: some 20 MiB, and the largest frame. The lock file of the folder is the only file that is written; where
    /// nothing can be written, such as on a read-only medium, it is locked as it is, or a note says that it is missing.
    ///
    /// - Throws: only if the check cannot be made: `inUse`; `io` and the other codes of the operating system;
    ///   `cancelled`.
    public static func verify(
        at path: String, options: VerificationOptions = VerificationOptions()
    ) throws(StoreError) -> VerificationReport {
        let lock = try lockToRead(path, options.fileSystem)
        defer { withExtendedLifetime(lock) {} }
        var verification = DatabaseVerification(path: path, options: options)
        if lock == nil {
            verification.log.note(
                "\(path) cannot be written to, and has no file LOCK: nothing keeps a server out while the check reads"
            )
        }
        return try verification.run()
    }

    /// Locks a folder that is a database, to change it.
    static func lockToChange(
        _ path: String, _ fileSystem: any FileSystem
    ) throws(StoreError) -> any FileLock {
        guard try fileSystem.exists("\(path)/ledger") else {
            throw StoreError(
                .io,
                try fileSystem.exists(path)
                    ? "\(path) is not the folder of a database: it has no ledger"
                    : "\(path) does not exist")
        }
        return try fileSystem.lock("\(path)/LOCK")
    }

    /// Locks a folder that is a database and may be on a medium that takes no writes.
    ///
    /// - Returns: nil if nothing can be locked there.
    static func lockToRead(
        _ path: String, _ fileSystem: any FileSystem
    ) throws(StoreError) -> (any FileLock)? {
        do throws(StoreError) {
            return try lockToChange(path, fileSystem)
        } catch  where error.code == .permissionDenied {
            return try fileSystem.lockReadOnly("\(path)/LOCK")
        }
    }
}
