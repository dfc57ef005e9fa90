import Synchronization

extension Database {
    /// Puts another database in the place of this one, which must have no entries: one that was restored.
    ///
    /// Whether it has none is decided in the moment in which writes are shut out, so that no write is lost. While it is
    /// replaced, writes fail by `notStored` and reads by `indexBehind`; then everything that uses this object goes on with
    /// the other database. Snapshots from before stay without entries, and unusable for reads.
    ///
    /// - Parameters:
    ///   - decide: called when nothing can be written any more. If it throws, everything is as before.
    ///   - exchange: puts the other folder in the place of ``path``, which is closed meanwhile.
    /// - Throws: `inUse` if something was written, or was to be since the database was opened; `closed`; `writesStopped` if
    ///   it takes no writes; what `decide` throws. If `exchange` or the opening of the other database throws, the database
    ///   stays closed, and takes no more writes.
    public func replaceWhileEmpty(
        decide: () throws(StoreError) -> Void, exchange: () throws(StoreError) -> Void
    ) throws(StoreError) {
        try replacement.withLock { _ throws(StoreError) in
            // Closing waits for the same lock.
            let old = try shutWritersOut()
            do throws(StoreError) {
                try decide()
            } catch {
                state.withLock { $0.isBeingReplaced = false }
                throw error
            }
            // Nothing of an empty database can be lost.
            guard let resources = old.closing.runForAnother() else {
                preconditionFailure("an open database is closed by nobody else meanwhile")
            }
            do throws(StoreError) {
                try exchange()
                let parts = try OpenParts(
                    at: path, openingOptions, resources, readers,
                    publishingTo: old.pipeline.published)
                state.withLock { $0 = State(options: $0.options, parts: parts) }
            } catch {
                readers.end()
                old.pipeline.stopWrites(error)
                state.withLock { $0.isBeingReplaced = false }
                throw error
            }
        }
    }

    /// - Returns: the parts that are replaced.
    /// - Throws: `inUse` if there are entries, or if some were to be appended: they may be on their way.
    private func shutWritersOut() throws(StoreError) -> OpenParts {
        try state.withLock { state throws(StoreError) in
            guard snapshot.size.isEmpty else {
                throw StoreError(
                    .inUse,
                    "the database has \(snapshot.size) entries: only an empty one can be replaced")
            }
            guard !state.hasAppended else {
                throw StoreError(
                    .inUse,
                    "entries are being written to the database: only an empty one can be replaced")
            }
            guard state.parts.closing.isOpen else {
                throw StoreError(.closed, "the database \(path) is closed")
            }
            // One whose ledger is damaged may have no entry that can be shown.
            if let failure = state.parts.pipeline.failure { throw failure }
            state.isBeingReplaced = true
            return state.parts
        }
    }

    static let beingReplaced = StoreError(
        .notStored, "the database is being replaced by a restored one; try again in a moment")
}
