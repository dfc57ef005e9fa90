public import ImmudbModel
import MerkleTree
import StorageIO

/// Where a backup begins, as an operator names it: after an earlier backup, after a root, or with the first entry.
public struct BackupStart: Sendable {
    /// The tree that the backup continues.
    public let tree: TrustedRoot
    private let previous: PreviousBackup?
    /// The path of the earlier backup.
    private let path: String?

    /// - Parameter text: the path of a backup, or a root, `<hex>@<size>`; nil for a full backup.
    /// - Throws: `corruption` if the earlier backup is not complete; the operating system's errors.
    public init(_ text: String?) throws(StoreError) {
        guard let text else {
            tree = .empty
            previous = nil
            path = nil
            return
        }
        if let root = TrustedRoot(text) {
            tree = root
            previous = nil
            path = nil
            return
        }
        let found = try PreviousBackup(path: text)
        previous = found
        path = text
        tree = found.trailer.end
    }

    /// Refuses to replace the earlier backup, which the new one is of no use without.
    ///
    /// - Throws: `inUse`.
    public func requireOther(than file: String) throws(StoreError) {
        guard let path, path == file || POSIXFileSystem().isSameFile(path, file) else { return }
        throw StoreError(
            .inUse,
            "\(file) is the backup to continue, which the new one cannot replace: name another file"
        )
    }

    /// Refuses to continue the backup of another database, although both may be the same so far, as two empty ones are.
    ///
    /// - Throws: `foreignDatabase`.
    public func requireSame(_ head: BackupHead) throws(StoreError) {
        guard let previous, previous.head.identity != head.identity else { return }
        throw StoreError(
            .foreignDatabase,
            "the backup to continue is of the database \(previous.head.identity), and this one is "
                + "\(head.identity)")
    }

    /// Says in a line that a backup from here is complete.
    ///
    /// - Parameter place: the path of the file, or its words.
    public func summary(to end: TrustedRoot, in place: String) -> String {
        let count = end.size.rawValue - tree.size.rawValue
        let entries = count == 1 ? "1 entry is" : "\(count) entries are"
        return "SUCCESS: \(entries) backed up to \(place), root \(end.text)"
    }
}
