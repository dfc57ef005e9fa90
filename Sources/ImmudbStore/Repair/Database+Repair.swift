public import StorageIO

extension Database {
    /// Replaces what is damaged in the ledger of a database that is not open by the entries of another copy of it, or of
    /// backups, and has views that do not agree with it rebuilt.
    ///
    /// - Entries that are whole stay, also those behind the damage.
    /// - What comes from the other copy is proven before it is used: each segment is written beside the old one, all of
    ///   its frames are checked, and a root that was not replaced has to follow from its entries. Nothing else of the
    ///   other copy is trusted, so it may be damaged itself, at other places.
    /// - If all roots of the ledger were changed, or no segment is left, the tree's leaves prove the entries, if they lead
    ///   to ``VerificationOptions/expectedRoot``.
    /// - A segment takes the place of the old one by a rename. If the process, or the system, ends at any moment, the
    ///   folder has either the old segment or the new one.
    ///
    /// - Parameters:
    ///   - path: the folder of the database.
    ///   - source: another copy, or backups, which only are read; nil repairs nothing but the views.
    ///   - options: as for ``verify(at:options:)``, except for its states.
    /// - Returns: what was done, and what could not be.
    /// - Throws: `inUse` if one of the folders is open; `corruption` if the source has nothing to begin with; the operating
    ///   system's errors; `cancelled`. Segments that were replaced until then stay.
    public static func repair(
        at path: String, from source: RepairSource?,
        options: VerificationOptions = VerificationOptions()
    ) throws(StoreError) -> RepairReport {
        let lock = try lockToChange(path, options.fileSystem)
        let sourceLock = try source?.lock(options.fileSystem)
        defer { withExtendedLifetime((lock, sourceLock)) {} }
        var options = options
        options.resumed = nil
        options.onState = { _ in }
        var repair = DatabaseRepair(path: path, from: source, options: options)
        return try repair.run()
    }
}
