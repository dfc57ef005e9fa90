import MerkleTree
import StorageIO
import Synchronization

/// The folder of segment files: finds them, checks their heads, and begins new ones.
struct SegmentDirectory: Sendable {
    let path: String
    let fileSystem: any FileSystem
    /// The files that are open for reading.
    let files: SegmentFiles

    /// The space that is reserved at a time: the minimum size of a small database, and the step in which a large one is
    /// extended.
    static let allocationByteCount: UInt64 = 16 << 20

    struct Opened {
        var identity: DatabaseIdentity
        var segments: [Segment]
        /// The file of the last segment, open for writing.
        var newest: any StorageFile
        /// The damage of a segment's head that is served; nil if all heads are whole.
        var damage: StoreError?
    }

    /// Opens the existing segments, in order, or creates the first one of a new database.
    ///
    /// - Parameter options: see ``Ledger/Options``.
    func open(_ options: Ledger.Options) throws(StoreError) -> Opened {
        try fileSystem.createDirectory(path)
        var numbers: [UInt32] = []
        for name in try fileSystem.names(inDirectory: path) {
            if let number = Segment.number(ofName: name) {
                numbers.append(number)
            } else if name.hasSuffix(Self.unfinishedSuffix) {
                try fileSystem.removeFile("\(path)/\(name)")  // left by a crash before it got its name
            }
        }
        // A name that is only in the cache would be lost in a power failure, with everything that is added now.
        try fileSystem.synchronizeDirectory(path)
        numbers.sort()
        guard !numbers.isEmpty else {
            let head = SegmentHead(
                identity: options.newIdentity ?? .random(), number: 0, firstIndex: EntryIndex(0),
                rootBefore: .emptyTree)
            let (first, file) = try create(
                head,
                byteCount: min(Self.allocationByteCount, max(options.segmentByteCount, 4096)))
            return Opened(identity: head.identity, segments: [first], newest: file)
        }
        return try open(numbers, servesDamaged: options.servesDamaged)
    }

    private func open(
        _ numbers: [UInt32], servesDamaged: Bool
    ) throws(StoreError) -> Opened {
        var segments: [Segment] = []
        var damage: StoreError?
        var newest: (any StorageFile)?
        for (expected, number) in numbers.enumerated() {
            guard number == UInt32(expected) else {
                throw StoreError(
                    .corruption,
                    "\(path)/\(Segment.name(UInt32(expected))) is missing, but later segments are there: a "
                        + "part of the history is gone. Restore the folder from a backup")
            }
            let isNewest = expected == numbers.count - 1
            let file = try openExisting(number, isNewest ? .readWrite : .readOnly)
            let bytes = try file.read(byteCount: SegmentHeader.byteCount, at: 0)
            let decoded = bytes.withUnsafeBytes { header in
                Result { () throws(StoreError) in
                    try SegmentHead(decoding: header, file.path, number)
                }
            }
            let head: SegmentHead
            do throws(StoreError) {
                head = try decoded.get()
            } catch  where error.code == .corruption && servesDamaged {
                guard let found = try headOfFrames(in: file, number, bytes, segments.last) else {
                    throw error
                }
                head = found
                damage = damage ?? error
            }
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
        return Opened(identity: identity, segments: segments, newest: newest, damage: damage)
    }

    private func openExisting(
        _ number: UInt32, _ mode: OpenMode
    ) throws(StoreError) -> any StorageFile {
        do throws(StoreError) {
            return try fileSystem.open("\(path)/\(Segment.name(number))", mode)
        } catch  where error.code == .corruption {
            throw StoreError(
                .corruption, "\(error.message): the segment is gone. Restore it from a backup")
        }
    }

    /// Makes the head of a segment whose own head is damaged from its first valid frame, whose checksums tell whether the
    /// identity is right.
    ///
    /// - Returns: nil if there is no such frame.
    private func headOfFrames(
        in file: any StorageFile, _ number: UInt32, _ head: [UInt8], _ previous: Segment?
    ) throws(StoreError) -> SegmentHead? {
        let own = DatabaseIdentity(
            head.dropFirst(SegmentHeader.identityOffset).prefix(DatabaseIdentity.byteCount))
        for case let identity? in [previous?.identity, own] {
            let unknown = SegmentHead(
                identity: identity, number: number, firstIndex: EntryIndex(0),
                rootBefore: .emptyTree)
            let segment = Segment(unknown, path: file.path, files: files, file: file)
            var scanner = try FrameScanner(segment: segment)
            if let frame = try scanner.nextValid() {
                return SegmentHead(
                    identity: identity, number: number, firstIndex: frame.firstIndex,
                    rootBefore: .emptyTree)
            }
        }
        return nil
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
                "the segment begins before the previous one")
        }
    }

    /// Removes a segment that holds no entry, durably.
    func remove(_ segment: Segment) throws(StoreError) {
        try fileSystem.removeFile(segment.path)
        try fileSystem.synchronizeDirectory(path)
    }

    /// Opens a segment for writing.
    func openToWrite(_ segment: Segment) throws(StoreError) -> any StorageFile {
        let file = try fileSystem.open(segment.path, .readWrite)
        files.forget(segment)
        segment.openFile.withLock { $0 = file }
        segment.completeByteCount.store(0, ordering: .relaxed)
        return file
    }

    /// Creates a segment. It gets its name only when its head, and the space for its frames, are durable.
    ///
    /// The returned file is the one that was written: nothing is opened after the rename, since from then on the
    /// segment exists, and a failure could not be distinguished from one before the rename.
    ///
    /// - Throws: `writesStopped` if the segment may exist: nothing more may be appended to the one before it. After any
    ///   other error it certainly does not exist.
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
            // The space may be needed elsewhere; the first error is reported.
            if error.code != .writesStopped { try? fileSystem.removeFile(unfinished) }
            throw error
        }
        do throws(StoreError) {
            try fileSystem.synchronizeDirectory(path)
        } catch {
            // A shortage is temporary: the name is removed. If a power failure brings it back, it names an empty
            // segment, which recovery removes. A failing disk is not a shortage.
            if error.code != .io, (try? fileSystem.removeFile(name)) != nil { throw error }
            throw StoreError(.writesStopped, "the name of \(name) may not be durable", cause: error)
        }
        return (Segment(head, path: name, files: files, file: file), file)
    }

    private func rename(_ unfinished: String, to name: String) throws(StoreError) {
        do throws(StoreError) {
            try fileSystem.rename(unfinished, to: name)
        } catch {
            // A failing disk may have renamed the file and reported an error. Whether the name is durable is decided
            // next, by the directory's sync.
            switch try? fileSystem.exists(name) {
            case true?: return
            case false?: throw error
            case nil: throw StoreError(.writesStopped, "\(name) may exist", cause: error)
            }
        }
    }

    static let unfinishedSuffix = ".unfinished"
}
