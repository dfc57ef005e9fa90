public import ImmudbModel
import MerkleTree
public import StorageIO

/// A backup that is written to a file. It is `<file>.part` until it is complete and on disk; then it gets its name.
///
/// If writing stops, for whatever reason, the part stays, and the next backup to the same file goes on behind its last
/// whole chunk: see ``unfinished``. A part that is of no use for that is not touched.
public final class BackupFile {
    /// What an earlier attempt has left.
    public struct Unfinished: Hashable, Sendable {
        public let head: BackupHead
        /// The tree up to the last whole chunk.
        public let end: TrustedRoot
        /// The length up to there.
        let byteCount: UInt64
    }

    public let path: String
    /// nil if the backup starts from its beginning.
    public private(set) var unfinished: Unfinished?
    private let fileSystem: any FileSystem
    private let replaces: Bool
    /// Keeps two processes from writing to one part.
    private let lock: any FileLock
    private let file: any StorageFile
    private var offset: UInt64 = 0

    private static func partPath(_ path: String) -> String { path + ".part" }
    private static func lockPath(_ path: String) -> String { path + ".part.lock" }

    /// Opens the part, or creates it.
    ///
    /// - Parameter replaces: whether an existing file of the name may be replaced, once the backup is complete.
    /// - Throws: `inUse` if the file exists, or if another process writes it; `incompatibleFormat` if its part is no
    ///   backup; the operating system's errors.
    public init(
        _ path: String, replaces: Bool, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws(StoreError) {
        self.path = path
        self.replaces = replaces
        self.fileSystem = fileSystem
        guard !path.isEmpty else {
            throw StoreError(
                .io, "the name of the file is empty: name one, or - for the standard output")
        }
        try Self.requireAbsent(path, replaces, fileSystem)
        if let system = fileSystem as? POSIXFileSystem, try system.exists(path),
            !system.isRegularFile(path)
        {
            throw StoreError(
                .inUse, "\(path) is not a regular file, and is not replaced: name another file")
        }
        do throws(StoreError) {
            lock = try fileSystem.lockOwn(Self.lockPath(path))
        } catch  where error.code == .permissionDenied {
            throw StoreError(
                error.code, "\(error.message): remove it, or name another backup",
                cause: error.cause)
        }
        let part = Self.partPath(path)
        guard try fileSystem.exists(part) else {
            file = try fileSystem.open(part, .createNew)
            return
        }
        do throws(StoreError) {
            file = try fileSystem.openOwn(part)
        } catch {
            throw StoreError(
                error.code, "\(error.message): remove it, or name another backup",
                cause: error.cause)
        }
        unfinished = try Self.wholeChunks(of: file)
        if unfinished == nil { try file.truncate(to: 0) }
    }

    private static func requireAbsent(
        _ path: String, _ replaces: Bool, _ fileSystem: any FileSystem
    ) throws(StoreError) {
        guard !replaces, try fileSystem.exists(path) else { return }
        throw StoreError(.inUse, "\(path) exists: name another file, or replace it with --force")
    }

    /// - Returns: nil if not even the head is whole.
    private static func wholeChunks(of file: any StorageFile) throws(StoreError) -> Unfinished? {
        let byteCount = try file.byteCount()
        var reader: BackupReader
        do throws(StoreError) {
            reader = try BackupReader(file)
        } catch {
            let longest =
                BackupHead.fixedByteCount + BackupFormat.maximumNameByteCount
                + BackupHead.checksumByteCount
            guard error.code != .io, byteCount <= longest,
                BackupHead.isBeginning(try file.read(byteCount: longest, at: 0))
            else {
                throw StoreError(
                    error.code, "\(error.message): remove the file, or name another backup",
                    cause: error.cause)
            }
            return nil
        }
        var end = reader.head.start
        var offset = reader.offset
        do throws(StoreError) {
            while case .chunk(let chunk)? = try reader.next(),
                chunk.firstIndex.rawValue == end.size.rawValue
            {
                end = TrustedRoot(size: TreeSize(chunk.endIndex.rawValue), root: chunk.root)
                offset = reader.offset
            }
        } catch {
            // The end of what was written, torn or not.
            guard error.code == .corruption else { throw error }
        }
        return Unfinished(head: reader.head, end: end, byteCount: offset)
    }

    /// What to do when the database refuses to go on behind ``unfinished``; nil if there is nothing.
    public var refusalHint: String? {
        guard let unfinished, unfinished.end.size > unfinished.head.start.size else { return nil }
        return
            "the unfinished backup \(Self.partPath(path)) was to be continued: if the database does not have its "
            + "entries, remove it to begin again"
    }

    /// Begins to write, or goes on behind the last whole chunk.
    ///
    /// - Parameter head: of the backup that is made now.
    /// - Throws: `otherHistory` if the unfinished backup is another one.
    public func begin(_ head: BackupHead) throws(StoreError) {
        guard let unfinished else {
            try append(head.bytes)
            // After a power failure, a part without its head would be of no use.
            return try file.synchronize()
        }
        let isSame =
            unfinished.head.identity == head.identity && unfinished.head.start == head.start
            && unfinished.head.serverIdentifier == head.serverIdentifier
        guard isSame else {
            throw StoreError(
                .otherHistory,
                "\(Self.partPath(path)) is left by another backup, which was not completed: of the database "
                    + "\(unfinished.head.identity), since entry \(unfinished.head.start.size). This one is of "
                    + "\(head.identity), since entry \(head.start.size). Remove it, or name another file"
            )
        }
        try file.truncate(to: unfinished.byteCount)
        offset = unfinished.byteCount
    }

    /// Appends a chunk, or the trailer.
    public func append(_ part: [UInt8]) throws(StoreError) {
        try file.write(part, at: offset)
        offset += UInt64(part.count)
    }

    /// Makes the backup durable, then gives it its name. When it throws, the file has its old content or the new one,
    /// whole.
    public func complete() throws(StoreError) {
        try file.synchronize()
        try Self.requireAbsent(path, replaces, fileSystem)
        try fileSystem.rename(Self.partPath(path), to: path)
        try fileSystem.synchronizeDirectory(folder)
        // Its name alone is left behind if this fails.
        try? fileSystem.removeFile(Self.lockPath(path))
    }

    /// Removes what is left, after a failure before anything was written.
    public func discardIfEmpty() {
        if offset == 0, unfinished == nil { try? fileSystem.removeFile(Self.partPath(path)) }
        try? fileSystem.removeFile(Self.lockPath(path))
    }

    private var folder: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension BackupReader {
    /// Reads a backup from a file.
    public init(
        path: String, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws(StoreError) {
        try self.init(try fileSystem.open(path, .readOnly))
    }

    init(_ file: any StorageFile) throws(StoreError) {
        var offset: UInt64 = 0
        try self.init(file.path) { buffer throws(StoreError) in
            let count = try file.read(into: buffer, at: offset)
            offset += UInt64(count)
            return count
        }
    }
}

/// What the next backup has to know of the one before: its head and its trailer. Nothing between them is read.
public struct PreviousBackup: Hashable, Sendable {
    public let head: BackupHead
    public let trailer: BackupTrailer

    /// - Throws: `corruption` if the backup is not complete.
    public init(
        path: String, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws(StoreError) {
        let file = try fileSystem.open(path, .readOnly)
        head = try BackupReader(file).head
        let byteCount = try file.byteCount()
        let end = byteCount - min(byteCount, UInt64(BackupTrailer.byteCount))
        let bytes = try file.read(byteCount: BackupTrailer.byteCount, at: end)
        guard let trailer = BackupTrailer(bytes, head.identity), trailer.start == head.start else {
            throw StoreError(
                .corruption,
                "\(path), byte \(end): the backup is incomplete, or its trailer is damaged: nothing can "
                    + "continue it")
        }
        self.trailer = trailer
    }
}
