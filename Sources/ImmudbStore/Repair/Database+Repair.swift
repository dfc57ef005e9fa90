public import StorageIO

extension Database {
    /// Replaces what is damaged in the ledger of a database that is not open by the entries of another copy of it, and
    /// has views that do not agree with it rebuilt.
    ///
    /// - Entries that are whole stay, also those behind the damage.
    /// - What comes from the other copy is proven before it is used: each segment is written beside the old one, all of
    ///   its frames are checked, and a root that was not replaced has to follow from its entries. Nothing else of the
    ///   other copy is trusted, so it may be damaged itself, at other places.
    /// - A segment takes the place of the old one by a rename. If the process, or the system, ends at any moment, the
    ///   folder has either the old segment or the new one.
    ///
    /// - Parameters:
    ///   - path: the folder of the database.
    ///   - copy: the folder of the other copy, which only is read; nil repairs nothing but the views.
    ///   - options: as for ``verify(at:options:)``, except for its states.
    /// - Returns: what was done, and what could not be.
    /// - Throws: `inUse` if one of the folders is open; `corruption` if there is nothing to begin with; the operating
    ///   system's errors; `cancelled`. Segments that were replaced until then stay.
    public static func repair(
        at path: String, from copy: String?, options: VerificationOptions = VerificationOptions()
    ) throws(StoreError) -> RepairReport {
        let lock = try lockToInspect(path, options.fileSystem)
        defer { withExtendedLifetime(lock) {} }
        var copyLock: (any FileLock)?
        if let copy {
            do throws(StoreError) {
                copyLock = try lockToInspect(copy, options.fileSystem)
            } catch  where error.code == .permissionDenied {
                // The copy may be on a medium that takes no writes. Whatever is taken from it is proven.
            }
        }
        defer { withExtendedLifetime(copyLock) {} }
        var options = options
        options.resumed = nil
        options.onState = { _ in }
        var repair = DatabaseRepair(path: path, copy: copy, options: options)
        return try repair.run()
    }
}
