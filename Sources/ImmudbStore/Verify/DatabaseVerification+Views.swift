import KeyIndex
import Ledger
import MerkleTree
import StorageIO

// The views: the tree's files and the key index, which are opened to compare the ledger with them.

extension DatabaseVerification {
    func identityOfTree() throws(StoreError) -> DatabaseIdentity? {
        let path = "\(treePath)/digests"
        guard try fileSystem.exists(path) else { return nil }
        do throws(StoreError) {
            let head = try fileSystem.open(path, .readOnly)
                .read(byteCount: ViewHead.usedByteCount, at: 0)
            return StoredRecords.identity(in: head)
        } catch  where error.code == .corruption {
            return nil
        }
    }

    /// Opens a file of the tree. What is wrong with it as a whole is a problem.
    mutating func records(
        _ name: String, _ kind: ViewHead.Kind, _ identity: DatabaseIdentity
    ) throws(StoreError) -> StoredRecords? {
        let path = "\(treePath)/\(name)"
        guard try fileSystem.exists(path) else {
            // A folder that was just restored, or repaired, has no views yet.
            guard try hasFiles(treePath) else { return nil }
            add(.view, path, "the file is missing. The next start makes it from the ledger")
            return nil
        }
        do throws(StoreError) {
            let records = try StoredRecords(
                path: path, kind: kind, identity: identity, fileSystem: fileSystem)
            if records.mark < records.statedMark {
                add(
                    .view, path,
                    "the file ends before the record \(records.statedMark), which its head states to be there"
                )
            }
            return records
        } catch {
            guard error.isDamageOfIndex else { throw error }
            add(
                error.code == .foreignDatabase ? .foreign : .view, path, at: 0,
                "\(error). The next start makes the file again from the ledger")
            return nil
        }
    }

    mutating func openIndex(
        _ identity: DatabaseIdentity
    ) throws(StoreError) -> IndexInspection? {
        if try fileSystem.exists(Storage.damagedIndexMark(path)) {
            add(.view, indexPath, "the server found it damaged. The next start rebuilds it")
        }
        if try !hasFiles(indexPath), try !hasFiles(treePath) { return nil }
        guard try fileSystem.exists("\(indexPath)/CURRENT") else {
            add(
                .view, indexPath,
                "the key index, or its file CURRENT, is missing. The next start rebuilds it")
            return nil
        }
        do throws(StoreError) {
            return try IndexInspection(
                at: indexPath, identity: identity, fileSystem: fileSystem, log: { _, _ in })
        } catch {
            try fileSystem.checkFailure()
            guard error.isDamageOfIndex else { throw error }
            add(error.code == .foreignDatabase ? .foreign : .view, indexPath, "\(error)")
            return nil
        }
    }

    /// Says what cannot be compared because views are not there: a folder that was just restored has none, and one from
    /// which somebody removed them looks the same.
    mutating func noteMissingViews() throws(StoreError) {
        guard try !hasFiles(treePath) else { return }
        let isAlone = try !hasFiles(indexPath)
        let missing = isAlone ? "\(treePath) and \(indexPath) are" : "\(treePath) is"
        // The index shows how many entries there were, not their leaves.
        let unknown =
            isAlone ? "how many entries the ledger had, or which" : "which entries the ledger had"
        let text =
            options.expectedRoot == nil
            ? "compare it with a root that you know, --root"
            : "only those that the root of --root covers were compared"
        log.note(
            "\(missing) not there, as after a restore or a repair; the next start makes what is missing from the ledger. "
                + "Nothing else in the folder shows \(unknown): \(text)")
    }

    private func hasFiles(_ folder: String) throws(StoreError) -> Bool {
        guard try fileSystem.exists(folder) else { return false }
        return try !fileSystem.names(inDirectory: folder).isEmpty
    }

    /// Starts the walk over the index, if there is one.
    func walk(
        over index: IndexInspection?, beside pass: LedgerPass
    ) throws(StoreError) -> IndexSums? {
        guard let index else { return nil }
        return try IndexSums(
            over: index, segmentCount: pass.inspection.segments.count, hashKey: pass.state.hashKey)
    }
}
