public import ImmudbModel
public import MerkleTree
public import StorageIO

/// The chunks of some backups of one database, found by the entries that they hold.
///
/// Only the heads of backups and the headers of chunks are read to find them: what lies behind a damaged header is not
/// found. Nothing is verified but checksums, and each chunk only when it is asked for.
///
/// Used by one thread. Memory: 32 bytes for each chunk, which has a mebibyte, and one chunk.
public final class BackupChunks {
    private struct Place {
        let first: UInt64
        let end: UInt64
        let offset: UInt64
    }

    private struct Backup {
        let file: any StorageFile
        /// In order, since each chunk follows the one before.
        var places: [Place] = []
    }

    public let identity: DatabaseIdentity
    private let backups: [Backup]
    private var last: BackupChunk?

    /// Finds the chunks.
    ///
    /// - Parameter paths: the files, in any order; not all of a chain have to be there.
    /// - Throws: `incompatibleFormat` or `corruption` if a file does not begin as a backup does; `foreignDatabase` if they
    ///   are of several databases; the operating system's errors.
    public init(
        _ paths: [String], fileSystem: any FileSystem = POSIXFileSystem()
    ) throws(StoreError) {
        var backups: [Backup] = []
        var first: (identity: DatabaseIdentity, path: String)?
        for path in paths {
            let file = try fileSystem.open(path, .readOnly)
            let reader = try BackupReader(file)
            if let first, first.identity != reader.head.identity {
                throw StoreError(
                    .foreignDatabase,
                    "\(path) is a backup of the database \(reader.head.identity), and \(first.path) is of "
                        + "\(first.identity)")
            }
            first = first ?? (reader.head.identity, path)
            backups.append(
                Backup(
                    file: file,
                    places: try Self.places(in: file, from: reader.offset, reader.head.identity)))
        }
        guard let first else { throw StoreError(.corruption, "no backup was given") }
        identity = first.identity
        self.backups = backups
    }

    private static func places(
        in file: any StorageFile, from start: UInt64, _ identity: DatabaseIdentity
    ) throws(StoreError) -> [Place] {
        var places: [Place] = []
        var offset = start
        while let header = BackupChunk.Header(
            try file.read(byteCount: BackupChunk.Header.byteCount, at: offset), identity)
        {
            let first = header.firstIndex.rawValue
            guard first >= places.last?.end ?? 0 else { break }
            places.append(
                Place(first: first, end: first + UInt64(header.entryCount), offset: offset))
            offset += UInt64(BackupChunk.Header.byteCount + header.payloadByteCount)
        }
        return places
    }

    /// Returns a chunk that holds an entry, its checksums verified; nil if no backup has a whole one.
    public func chunk(containing index: EntryIndex) throws(StoreError) -> BackupChunk? {
        if let last, (last.firstIndex..<last.endIndex).contains(index) { return last }
        last = nil
        for backup in backups {
            guard let place = Self.place(of: index.rawValue, in: backup.places) else { continue }
            let bytes = try backup.file.read(
                byteCount: BackupChunk.Header.byteCount, at: place.offset)
            guard let header = BackupChunk.Header(bytes, identity) else { continue }
            // A stated length may be more than the file has: memory is taken for what is there.
            let offset = place.offset + UInt64(BackupChunk.Header.byteCount)
            let left = max(offset, try backup.file.byteCount()) - offset
            guard UInt64(header.payloadByteCount) <= left else { continue }
            let payload = try backup.file.read(byteCount: header.payloadByteCount, at: offset)
            guard let chunk = BackupChunk(header, payload: payload) else { continue }
            last = chunk
            return chunk
        }
        return nil
    }

    /// Finds the chunk that holds an entry by bisection.
    private static func place(of index: UInt64, in places: [Place]) -> Place? {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].end <= index { low = middle + 1 } else { high = middle }
        }
        guard low < places.count, places[low].first <= index else { return nil }
        return places[low]
    }
}
