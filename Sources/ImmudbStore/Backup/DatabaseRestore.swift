public import ImmudbBackup
import ImmudbModel
import Ledger
public import MerkleTree
import POSIX
import StorageIO

/// Makes a database of a full backup and its incrementals, in an empty folder.
///
/// Verifies every chunk and every root before ``finish()`` returns. It writes the ledger only: the first opening derives
/// tree and index, and reads all of it once more. Until ``finish()`` has returned, the folder must not be used, and must
/// not have a name by which somebody could.
///
/// By one thread, which reads, checks and hashes; another one verifies the tree and writes. Memory: chunks of 8 MiB or a
/// single larger one, the largest batch, and the copy of a frame.
public final class DatabaseRestore {
    private let restored: RestoredLedger

    /// Prepares a restore; nothing is touched yet.
    ///
    /// - Parameters:
    ///   - path: the folder, which must be empty or missing.
    ///   - keepsIdentity: whether the database has the identity of the one that was backed up. If not, later backups of
    ///     that one do not continue this one.
    ///   - until: how many entries to restore; nil for all. The others are verified as well.
    ///   - options: those of the ledger count.
    public init(
        in path: String, keepsIdentity: Bool = true, until: TreeSize? = nil,
        options: Database.Options = Database.Options()
    ) {
        restored = RestoredLedger(
            in: path, keepsIdentity: keepsIdentity, until: until, options: options)
    }

    /// The head of the first backup.
    public var firstHead: BackupHead? { restored.chain.first }

    /// Demands that the history goes through a tree that somebody knows. Call it before ``add(_:progress:)``.
    public func require(_ root: TrustedRoot) { restored.chain.require(root) }

    /// Verifies and writes a backup, to its end.
    ///
    /// - Parameters:
    ///   - reader: the backup, of which nothing but the head was read.
    ///   - progress: called now and then with the number of entries so far.
    /// - Throws: `otherHistory` or `foreignDatabase` if it does not continue the one before; `corruption` with the place,
    ///   `tampered`; `noSpace` and the operating system's errors. The restore must be given up then.
    public func add(
        _ reader: inout BackupReader, progress: (TreeSize) -> Void = { _ in }
    ) throws(StoreError) {
        let name = reader.name
        let ledger: Ledger
        do throws(StoreError) {
            ledger = try restored.begin(reader.head)
        } catch {
            throw error.placed(name)
        }
        let sync = try EarlySync(ledger)
        defer { sync.end() }
        let queue = RestoreQueue(restored.chain.tree.size)
        let writer = try WorkerThread.start("restore") { [restored] in
            queue.drain { item throws(StoreError) in
                try restored.add(item, of: name, to: ledger, sync)
            }
        }
        var failure: StoreError?
        do throws(StoreError) {
            try Self.read(&reader, into: queue, progress)
        } catch {
            failure = error
        }
        queue.close()
        writer.join()
        // What was wrong with a part before comes first.
        if let failure = queue.failure ?? failure { throw failure }
        progress(restored.chain.tree.size)
    }

    private static func read(
        _ reader: inout BackupReader, into queue: RestoreQueue, _ progress: (TreeSize) -> Void
    ) throws(StoreError) {
        while let written = queue.waitForRoom() {
            progress(written)
            let offset = reader.offset
            switch try reader.next() {
            case nil: return
            case .trailer(let trailer)?: queue.put(.init(part: .trailer(trailer), offset: offset))
            case .chunk(let chunk)?:
                do throws(StoreError) {
                    let hashed = try HashedChunk(chunk)
                    queue.put(.init(part: .chunk(hashed), offset: offset))
                } catch {
                    throw error.placed("\(reader.name), byte \(offset)")
                }
            }
        }
    }

    /// Makes the ledger durable.
    ///
    /// - Returns: the tree of the restored entries.
    /// - Throws: `otherHistory` if a required tree lies beyond the last backup, `indexNotFound` if `until` does; `tampered`
    ///   if the last batch does not end.
    public func finish() throws(StoreError) -> TrustedRoot { try restored.finish() }
}

extension RestoredLedger {
    /// Verifies a part of a backup, and writes it.
    ///
    /// - Returns: the number of entries so far.
    fileprivate func add(
        _ item: RestoreQueue.Item, of name: String, to ledger: Ledger, _ sync: EarlySync
    ) throws(StoreError) -> TreeSize {
        do throws(StoreError) {
            switch item.part {
            case .chunk(let hashed):
                try add(hashed, to: ledger)
                sync.note(hashed.chunk.byteCount)
            case .trailer(let trailer): try chain.end(trailer)
            }
        } catch {
            throw error.placed("\(name), byte \(item.offset)")
        }
        return chain.tree.size
    }
}

extension StoreError {
    /// Returns the error with the place in a backup, if it is about the backup and not about the disk.
    fileprivate func placed(_ place: String) -> StoreError {
        switch code {
        case .corruption, .tampered, .otherHistory, .foreignDatabase, .incompatibleFormat:
            StoreError(code, "\(place): \(message)", cause: cause)
        default: self
        }
    }
}
