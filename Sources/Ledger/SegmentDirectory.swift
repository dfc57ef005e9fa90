import MerkleTree
import StorageIO

/// The folder of segment files: finding them, checking their heads, beginning new ones.
struct SegmentDirectory: Sendable {
    let path: String
    let fileSystem: any FileSystem

    /// The space that is reserved at a time: what a small database takes, and how often a large one
    /// pays for an extension.
    static let allocationByteCount: UInt64 = 16 << 20

    struct Opened {
        var identity: DatabaseIdentity
        var segments: [Segment]
    }

    /// The segments that are there, in order; the first of a new database where there are none.
    func open() throws(StoreError) -> Opened {
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
            let identity = DatabaseIdentity.random()
            let first = try create(
                number: 0, identity: identity, firstIndex: EntryIndex(0), root: .emptyTree,
                byteCount: Self.allocationByteCount)
            return Opened(identity: identity, segments: [first])
        }
        return try open(numbers)
    }

    private func open(_ numbers: [UInt32]) throws(StoreError) -> Opened {
        var segments: [Segment] = []
        var identity: DatabaseIdentity?
        for (place, number) in numbers.enumerated() {
            guard number == UInt32(place) else {
                throw StoreError(
                    .corruption,
                    "\(path)/\(Segment.name(UInt32(place))) is missing, but later segments are there: a "
                        + "part of the history is gone. Restore the folder from a backup")
            }
            let segment = try open(number)
            if let identity, segment.identity != identity {
                throw StoreError(
                    .foreignDatabase,
                    "\(segment.file.path) belongs to the database \(segment.identity), the segments before it to "
                        + "\(identity). Put the right file back")
            }
            if let last = segments.last, segment.firstIndex < last.firstIndex {
                throw segment.corruption(
                    at: SegmentHeader.firstIndexOffset, entry: segment.firstIndex,
                    "the segment begins before the one in front of it")
            }
            identity = segment.identity
            segments.append(segment)
        }
        guard let identity else { preconditionFailure("called with at least one segment") }
        return Opened(identity: identity, segments: segments)
    }

    private func open(_ number: UInt32) throws(StoreError) -> Segment {
        let file = try fileSystem.open("\(path)/\(Segment.name(number))", .readWrite)
        let bytes = try file.read(byteCount: SegmentHeader.byteCount, at: 0)
        return try bytes.withUnsafeBytes { header in
            Result { () throws(StoreError) in try decode(header, file, number) }
        }.get()
    }

    private func decode(
        _ header: UnsafeRawBufferPointer, _ file: any StorageFile, _ number: UInt32
    ) throws(StoreError) -> Segment {
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
        return Segment(
            identity: identity, number: number, firstIndex: firstIndex,
            rootBefore: Digest(loadingFrom: header.baseAddress! + SegmentHeader.rootOffset),
            file: file)
    }

    /// Begins a segment. It has its name only when all of it, and the space for its frames, is
    /// durable.
    func create(
        number: UInt32, identity: DatabaseIdentity, firstIndex: EntryIndex, root: Digest,
        byteCount: UInt64
    ) throws(StoreError) -> Segment {
        let name = "\(path)/\(Segment.name(number))"
        let unfinished = name + Self.unfinishedSuffix
        try fileSystem.removeFile(unfinished)
        let new = try fileSystem.open(unfinished, .createNew)
        do throws(StoreError) {
            try new.allocate(byteCount: byteCount)
            try new.write(header(number, identity, firstIndex, root), at: 0)
            try new.synchronize()
        } catch {
            // The space may be needed elsewhere; the first error is the one to report.
            try? fileSystem.removeFile(unfinished)
            throw error
        }
        try fileSystem.rename(unfinished, to: name)
        do throws(StoreError) {
            try fileSystem.synchronizeDirectory(path)
        } catch {
            throw StoreError(.writesStopped, "the name of \(name) may not be durable", cause: error)
        }
        let file = try fileSystem.open(name, .readWrite)
        return Segment(
            identity: identity, number: number, firstIndex: firstIndex, rootBefore: root, file: file
        )
    }

    private static let unfinishedSuffix = ".unfinished"

    private func header(
        _ number: UInt32, _ identity: DatabaseIdentity, _ firstIndex: EntryIndex, _ root: Digest
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        bytes.withUnsafeMutableBytes { header in
            header.put(SegmentHeader.magic, at: SegmentHeader.magicOffset)
            header.put(SegmentHeader.version, at: SegmentHeader.versionOffset)
            UnsafeMutableRawBufferPointer(rebasing: header[SegmentHeader.identityOffset...])
                .copyBytes(from: identity.bytes)
            header.put(number, at: SegmentHeader.numberOffset)
            header.put(firstIndex.rawValue, at: SegmentHeader.firstIndexOffset)
            root.store(to: header.baseAddress! + SegmentHeader.rootOffset)
            header.put(
                CRC32C.checksum(
                    UnsafeRawBufferPointer(rebasing: header[..<SegmentHeader.checksumOffset])),
                at: SegmentHeader.checksumOffset)
        }
        return bytes
    }
}
