import MerkleTree
import StorageIO
import Synchronization

/// The folder of segment files: finding them, checking their heads, beginning new ones.
struct SegmentDirectory: Sendable {
    let path: String
    let fileSystem: any FileSystem
    /// Those that are open to be read.
    let files: SegmentFiles

    /// The space that is reserved at a time: what a small database takes, and how often a large one
    /// pays for an extension.
    static let allocationByteCount: UInt64 = 16 << 20

    struct Opened {
        var identity: DatabaseIdentity
        var segments: [Segment]
        /// The file of the last one, to write to.
        var newest: any StorageFile
    }

    /// The segments that are there, in order; the first of a new database where there are none.
    ///
    /// - Parameter segmentByteCount: see ``Ledger/Options``.
    func open(segmentByteCount: UInt64) throws(StoreError) -> Opened {
        try fileSystem.createDirectory(path)
        var numbers: [UInt32] = []
        for name in try fileSystem.names(inDirectory: path) {
            if let number = Segment.number(ofName: name) {
                numbers.append(number)
            } else if name.hasSuffix(Self.unfinishedSuffix) {
                try fileSystem.removeFile("\(path)/\(name)")  // A crash came before it had its name.
            }
        }
        // A name that only the cache has would be gone after a power failure, with all that is
        // added now.
        try fileSystem.synchronizeDirectory(path)
        numbers.sort()
        guard !numbers.isEmpty else {
            let head = SegmentHead(
                identity: .random(), number: 0, firstIndex: EntryIndex(0), rootBefore: .emptyTree)
            let (first, file) = try create(
                head, byteCount: min(Self.allocationByteCount, max(segmentByteCount, 4096)))
            return Opened(identity: head.identity, segments: [first], newest: file)
        }
        return try open(numbers)
    }

    private func open(_ numbers: [UInt32]) throws(StoreError) -> Opened {
        var segments: [Segment] = []
        var newest: (any StorageFile)?
        for (expected, number) in numbers.enumerated() {
            guard number == UInt32(expected) else {
                throw StoreError(
                    .corruption,
                    "\(path)/\(Segment.name(UInt32(expected))) is missing, but later segments are there: a "
                        + "part of the history is gone. Restore the folder from a backup")
            }
            let isNewest = expected == numbers.count - 1
            let file = try fileSystem.open(
                "\(path)/\(Segment.name(number))", isNewest ? .readWrite : .readOnly)
            let bytes = try file.read(byteCount: SegmentHeader.byteCount, at: 0)
            let head = try bytes.withUnsafeBytes { header in
                Result { () throws(StoreError) in try decode(header, file, number) }
            }.get()
            let segment = Segment(
                head, path: file.path, files: files, file: isNewest ? file : nil)
            if !isNewest {
                segment.completeByteCount.store(try file.byteCount(), ordering: .relaxed)
            }
            try requireOrder(of: segment, after: segments.last)
            segments.append(segment)
            newest = file
        }
        guard let newest, let identity = segments.first?.identity else {
            preconditionFailure("called with at least one segment")
        }
        return Opened(identity: identity, segments: segments, newest: newest)
    }

    private func requireOrder(
        of segment: Segment, after previous: Segment?
    ) throws(StoreError) {
        guard let previous else { return }
        guard segment.identity == previous.identity else {
            throw StoreError(
                .foreignDatabase,
                "\(segment.path) belongs to the database \(segment.identity), the segments before it to "
                    + "\(previous.identity). Put the right file back")
        }
        guard segment.firstIndex >= previous.firstIndex else {
            throw segment.corruption(
                at: SegmentHeader.firstIndexOffset, entry: segment.firstIndex,
                "the segment begins before the one in front of it")
        }
    }

    /// Removes a segment that holds no entry, durably.
    func remove(_ segment: Segment) throws(StoreError) {
        try fileSystem.removeFile(segment.path)
        try fileSystem.synchronizeDirectory(path)
    }

    /// Opens a segment to write to it.
    func openToWrite(_ segment: Segment) throws(StoreError) -> any StorageFile {
        let file = try fileSystem.open(segment.path, .readWrite)
        files.forget(segment)
        segment.openFile.withLock { $0 = file }
        segment.completeByteCount.store(0, ordering: .relaxed)
        return file
    }

    private func decode(
        _ header: UnsafeRawBufferPointer, _ file: any StorageFile, _ number: UInt32
    ) throws(StoreError) -> SegmentHead {
        guard header.count == SegmentHeader.byteCount,
            header.number(UInt64.self, at: SegmentHeader.magicOffset) == SegmentHeader.magic
        else {
            throw StoreError(
                .corruption,
                "\(file.path), byte 0: not a segment of a ledger, or its head is damaged. "
                    + "Restore the file from a backup")
        }
        let version = header.number(UInt32.self, at: SegmentHeader.versionOffset)
        guard version == SegmentHeader.version else {
            throw StoreError(
                .incompatibleFormat,
                "\(file.path) has format version \(version), and this program reads version "
                    + "\(SegmentHeader.version). Open it with the version that wrote it")
        }
        guard
            CRC32C.checksum(
                UnsafeRawBufferPointer(rebasing: header[..<SegmentHeader.checksumOffset]))
                == header.number(UInt32.self, at: SegmentHeader.checksumOffset),
            header.number(UInt32.self, at: SegmentHeader.numberOffset) == number,
            let identity = DatabaseIdentity(
                header[
                    SegmentHeader.identityOffset..<SegmentHeader.identityOffset
                        + DatabaseIdentity.byteCount]),
            let firstIndex = TreeSize(
                rawValue: header.number(UInt64.self, at: SegmentHeader.firstIndexOffset))?.nextIndex
        else {
            throw StoreError(
                .corruption,
                "\(file.path), byte 0: the segment's head is damaged. Restore the file from "
                    + "a backup")
        }
        return SegmentHead(
            identity: identity, number: number, firstIndex: firstIndex,
            rootBefore: Digest(loadingFrom: header.baseAddress! + SegmentHeader.rootOffset))
    }

    /// Begins a segment. It has its name only when all of it, and the space for its frames, is
    /// durable.
    ///
    /// The file that was written is the file that is returned: nothing is opened after the rename,
    /// since from there on the segment exists, and a failure could not be told from one before it.
    ///
    /// - Throws: `writesStopped` if the segment may exist: nothing may be appended to the one before
    ///   it any more. After any other error it certainly does not.
    func create(
        _ head: SegmentHead, byteCount: UInt64
    ) throws(StoreError) -> (segment: Segment, file: any StorageFile) {
        let name = "\(path)/\(Segment.name(head.number))"
        let unfinished = name + Self.unfinishedSuffix
        try fileSystem.removeFile(unfinished)
        let file = try fileSystem.open(unfinished, .createNew)
        do throws(StoreError) {
            try file.allocate(byteCount: byteCount)
            try file.write(head.bytes, at: 0)
            try file.synchronize()
            try rename(unfinished, to: name)
            file.noteNewPath(name)
        } catch {
            // The space may be needed elsewhere; the first error is the one to report.
            if error.code != .writesStopped { try? fileSystem.removeFile(unfinished) }
            throw error
        }
        do throws(StoreError) {
            try fileSystem.synchronizeDirectory(path)
        } catch {
            // A shortage passes: the name is taken back. If a power failure brings it back, it is that
            // of an empty segment, which recovery removes. A disk that fails is no shortage.
            if error.code != .io, (try? fileSystem.removeFile(name)) != nil { throw error }
            throw StoreError(.writesStopped, "the name of \(name) may not be durable", cause: error)
        }
        return (Segment(head, path: name, files: files, file: file), file)
    }

    private func rename(_ unfinished: String, to name: String) throws(StoreError) {
        do throws(StoreError) {
            try fileSystem.rename(unfinished, to: name)
        } catch {
            // A failing disk may have done it and reported an error. Whether it lasts is asked next,
            // by the directory's sync.
            switch try? fileSystem.exists(name) {
            case true?: return
            case false?: throw error
            case nil: throw StoreError(.writesStopped, "\(name) may exist", cause: error)
            }
        }
    }

    private static let unfinishedSuffix = ".unfinished"
}
