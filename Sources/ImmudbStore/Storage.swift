import KeyIndex
import Ledger
import MerkleTree
import StorageIO
import Synchronization

/// The open parts of a database: the ledger, and its views. Shared by the commit pipeline, which writes, and
/// the snapshots, which read.
final class Storage: Sendable {
    let path: String
    let ledger: Ledger
    let tree: TreeView
    let index: KeyIndex
    let log: LogSink
    private let isClosed = Atomic(false)

    init(path: String, ledger: Ledger, tree: TreeView, index: KeyIndex, log: @escaping LogSink) {
        self.path = path
        self.ledger = ledger
        self.tree = tree
        self.index = index
        self.log = log
    }

    func requireOpen() throws(StoreError) {
        if isClosed.load(ordering: .acquiring) {
            throw StoreError(.closed, "the database \(path) is closed")
        }
    }

    func close() {
        isClosed.store(true, ordering: .releasing)
        index.close()
    }

    /// Reads an entry by its index.
    ///
    /// A place that leads nowhere is looked up in the ledger itself: the file of places is a view, and its
    /// damage must not hide an entry.
    func entry(at index: EntryIndex) throws(StoreError) -> Entry {
        let position = try tree.place(of: index)
        do throws(StoreError) {
            return try Entry(ledger.readEntry(index, at: position))
        } catch where error.code == .corruption {
            guard let found = try ledger.locate(index), found != position else { throw error }
            log(.warning, "\(tree.places.file.path): the place of entry \(index) is wrong; restart to mend it")
            tree.places.markDamaged()
            return try Entry(ledger.readEntry(index, at: found))
        }
    }

    /// Reads the entry that the key index names, and makes sure that it has the key.
    func entry(at place: EntryPlace, key: [UInt8]) throws(StoreError) -> Entry {
        let position = EntryPosition(packed: place.position)
        let entry: Entry
        do throws(StoreError) {
            entry = try Entry(
                ledger.readEntry(place.index, at: position, byteCount: Int(place.length)))
        } catch where error.code == .corruption {
            entry = try self.entry(at: place.index)
        }
        guard entry.key == key else {
            throw StoreError(
                .corruption,
                "\(path)/index: the key index names entry \(place.index), which has another key. Stop the "
                    + "database and remove that folder; it is made anew from the ledger")
        }
        return entry
    }

    /// Compares an entry with its leaf on disk: one read of 32 bytes, one hash.
    func check(_ entry: Entry) throws(StoreError) {
        guard try tree.uncheckedLeaf(entry.index) == entry.leaf else { throw tampered(entry.index) }
    }

    func tampered(_ index: EntryIndex) -> StoreError {
        log(
            .error,
            "entry \(index) passes its checksum, but does not match its leaf in "
                + "\(tree.digests.file.path): somebody changed one of them")
        return StoreError(.tampered, "entry \(index) does not match its leaf")
    }
}

extension Entry {
    init(_ entry: LedgerEntry) throws(StoreError) {
        guard let kind = EntryKind(rawValue: entry.kind) else {
            throw StoreError(
                .incompatibleFormat,
                "entry \(entry.index) is of kind \(entry.kind), which this version does not know")
        }
        self.init(index: entry.index, kind: kind, key: entry.key, value: entry.value)
    }
}
